"""The agent that is measured: it counts to twenty by a tool, one model call for each step."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from agent_framework import Agent
from agent_framework_openai import OpenAIChatCompletionClient
from perdure_agent_framework import DurableAgentRunner  # noqa: TID251 - it is what is measured

import perdure
from perdure.testing.scripted_model import MODEL, when

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_VARIABLE = "BENCH_MODEL"
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


def make_runner(environment: Mapping[str, str]) -> tuple[perdure.App, DurableAgentRunner]:
    """Return the app, and the runner of its agent."""
    app = perdure.App("bench-agents")
    agent = make_agent(environment.get(MODEL_VARIABLE, "http://127.0.0.1:9/v1"))
    return app, DurableAgentRunner(agent, app=app)


app, _runner = make_runner(os.environ)
