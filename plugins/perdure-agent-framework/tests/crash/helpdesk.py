"""A help desk that gets killed: ``crash.helpdesk:app`` is what its worker processes run.

A turn makes parallel calls, one of them to a sub-agent, a refund that somebody must approve, and a
notice that may go out at most once.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import httpx
from agent_framework import Agent, tool
from agent_framework_openai import OpenAIChatCompletionClient
from openai import AsyncOpenAI

import perdure
from crash.witness import request_noted, response_noted, tool_noted
from perdure.testing.scripted_model import MODEL, when
from perdure_agent_framework import DurableAgentRunner, Policies, ToolPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

MODEL_VARIABLE = "CRASH_MODEL"
API_KEY = "sk-kept-from-everybody-7731"
HEADER = "tenant-kept-from-everybody-9917"
TURNS_PER_RUN = 3
AT_MOST_ONCE = "notify"
STEP_SECONDS = 0.04  # so that there is something to be killed in the middle of

_CALL: dict[str, Any] = {"call": "{user}", "step": "{tool_results}"}
RULES = [
    when(user="hello").says("you said {user}"),
    when(user="tell").says("word " * 60).after(0, per_chunk=0.03),
    when(user="dig work-", tool_results=0).calls("look_up", **_CALL).after(STEP_SECONDS),
    when(user="dig work-").says("dug").after(STEP_SECONDS),
    when(user="work-", tool_results=0)
    .calls("look_up", **_CALL)
    .calls("weigh", **_CALL)
    .calls("researcher", task="dig {user}")
    .after(STEP_SECONDS),
    when(user="work-", tool_results=3).calls("refund", **_CALL).after(STEP_SECONDS),
    when(user="work-", tool_results=4).calls("notify", **_CALL).after(STEP_SECONDS),
    when(user="work-", tool_results=5).calls("look_up", **_CALL).after(STEP_SECONDS),
    when(user="work-").says("settled {user} after {tool_results}").after(STEP_SECONDS),
]


def expected(text: str) -> str:
    """Return the right answer to what a conversation says."""
    return f"settled {text} after 6" if text.startswith("work-") else f"you said {text}"


async def look_up(call: str, step: int) -> str:
    """Look an order up."""
    with tool_noted("look_up", call, step):
        await asyncio.sleep(STEP_SECONDS)
    return "order 17"


async def weigh(call: str, step: int) -> str:
    """Weigh a parcel."""
    with tool_noted("weigh", call, step):
        await asyncio.sleep(STEP_SECONDS)
    return "3 kg"


@tool(approval_mode="always_require")
async def refund(call: str, step: int) -> str:
    """Refund an order."""
    with tool_noted("refund", call, step):
        await asyncio.sleep(STEP_SECONDS)
    return "refunded"


async def notify(call: str, step: int) -> str:
    """Notify the customer."""
    with tool_noted("notify", call, step):
        await asyncio.sleep(STEP_SECONDS)
    return "notified"


def make_desk(
    environment: Mapping[str, str], *, backend: str | None = None
) -> tuple[perdure.App, DurableAgentRunner]:
    """Return the app, and the runner of its agent."""
    client = _client(environment.get(MODEL_VARIABLE, "http://127.0.0.1:9/v1"))
    researcher = Agent(client, name="researcher", tools=[look_up])
    tools = [look_up, weigh, refund, notify, researcher.as_tool()]
    clerk = Agent(client, "You settle.", name="clerk", tools=tools)
    policies = Policies(tools={AT_MOST_ONCE: ToolPolicy(delivery="at_most_once")})
    app = perdure.App("helpdesk", backend=backend)
    return app, DurableAgentRunner(clerk, app=app, policies=policies, turns_per_run=TURNS_PER_RUN)


def _client(url: str) -> OpenAIChatCompletionClient[Any]:
    # Of any class: OpenAI's annotation names a copy of httpx that it brings.
    http: Any = httpx.AsyncClient(
        event_hooks={"request": [request_noted], "response": [response_noted]}, trust_env=False
    )
    api = AsyncOpenAI(
        base_url=url, api_key=API_KEY, default_headers={"x-tenant": HEADER}, http_client=http
    )
    return OpenAIChatCompletionClient(model=MODEL, async_client=api)


app, _runner = make_desk(os.environ)
