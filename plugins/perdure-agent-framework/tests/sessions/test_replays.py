"""Sessions and turns replay as they ran, with the same payloads."""

from __future__ import annotations

import pytest

import perdure
from perdure._program import RegistryProgram
from perdure.testing.scripted_model import when
from perdure_agent_framework import ModelCallError
from sessions.desk import open_desk


def look_up(order: str) -> str:
    """Look up."""
    return f"order {order} is shipped"


async def test_sessions_and_turns_replay_strictly() -> None:
    rules = (
        when(user="order", tool_results=0).calls("look_up", order="17").calls("look_up", order="8"),
        when(user="secret").fails(401),
    )
    async with open_desk(*rules, tools=[look_up], turns_per_run=3) as desk:
        await desk.runner.run("order", session_id="a")
        with pytest.raises(ModelCallError):
            await desk.runner.run("secret", session_id="a")
        await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await desk.runner.run("never", session_id="a", message_id="m")
        for text in ("order", "more", "order"):
            await desk.runner.run(text, session_id="a")
        await desk.runner.close("a")
        await desk.env.settle()
        program = RegistryProgram(desk.app)
        replayed = [info async for info in desk.env.client.list()]
        assert len(replayed) == 1 + 6
        for info in replayed:
            history = await desk.env.client.get(None, info.instance_id).history()
            program.rebuild(info.name, history, strict=True).close()
