"""An agent that is changed while a turn sleeps: the turn goes on as it began, the next is new."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import FunctionTool, tool

import perdure
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework import DurableAgentRunner
from sessions.desk import ECHO, Gate, support_agent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

RULES = [
    when(user="order", tool_results=0).calls("look_up", order="17"),
    when(user="order", tool_results=1).calls("hold"),
    when(user="order", tool_results=2).calls("look_up", order="18"),
    when(user="order").says("{results}"),
    ECHO,
]


def look_up(order: str) -> str:
    """Look up."""
    return f"order {order} is shipped"


def look_up_by_number(order: int, urgent: bool) -> str:
    """Look up by number."""
    return f"number {order} is shipped, {urgent}"


def other() -> str:
    """Another."""
    return "other"


def called_look_up(function: Any, **options: Any) -> FunctionTool:
    made: FunctionTool = tool(function, name="look_up", **options)
    return made


@contextlib.asynccontextmanager
async def desk(url: str, file: Path, tools: list[Any]) -> AsyncGenerator[DurableAgentRunner, None]:
    app = perdure.App("desk", backend=f"sqlite:///{file}")
    runner = DurableAgentRunner(support_agent(url, tools=tools), app=app)
    async with app.run(drain_timeout=timedelta()):
        yield runner


@pytest.mark.parametrize(
    ("tools_now", "told"),
    [
        ([other], 'Requested function "look_up" not found'),
        ([], 'Requested function "look_up" not found'),
        ([called_look_up(look_up_by_number)], "Function failed"),
        ([called_look_up(look_up, approval_mode="always_require")], "order 18 is shipped"),
        ([look_up, other], "order 18 is shipped"),
    ],
    ids=["other", "none", "other arguments", "wants approval", "more"],
)
async def test_a_turn_that_slept_goes_on_as_it_began(
    tmp_path: Path, tools_now: list[Any], told: str
) -> None:
    async with ScriptedModel(RULES) as model:
        gate = Gate()
        async with desk(model.url, tmp_path / "db", [look_up, gate.hold]) as runner:
            run = asyncio.create_task(runner.run("order", session_id="a", message_id="m"))
            await gate.is_reached()
            run.cancel()
        gate = Gate()
        gate.open()
        now = [*tools_now, gate.hold] if tools_now else []
        async with desk(model.url, tmp_path / "db", now) as runner:
            reply = await runner.run("order", session_id="a", message_id="m")
            assert "order 17 is shipped" in reply.text
            assert told in reply.text
            assert (await runner.run("new", session_id="a")).text == "you said new"
