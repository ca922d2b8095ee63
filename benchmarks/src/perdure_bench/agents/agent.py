"""The agent that is measured: it counts by a tool, one model call for each step."""

from __future__ import annotations

from typing import Any

from agent_framework import Agent
from agent_framework_openai import OpenAIChatCompletionClient

from perdure.testing.scripted_model import MODEL, when

TOOL_TURNS = 20
QUESTION = "count"
GREETING = "hello"
RULES = [
    when(user=QUESTION, tool_results_below=TOOL_TURNS).calls("step", number="{tool_results}"),
    when(user=QUESTION).says("counted to {tool_results}"),
    when(user=GREETING).says("hello to you"),
]
ANSWER = f"counted to {TOOL_TURNS}"


async def step(number: int) -> str:
    """Count one further."""
    return f"that was {number}, and here are some words as a tool's result may have them"


def make_agent(url: str) -> Agent[Any]:
    """Return the agent, on the scripted model at ``url``."""
    client = OpenAIChatCompletionClient[Any](model=MODEL, base_url=url, api_key="none")
    return Agent(client, "You count.", name="counter", tools=[step])
