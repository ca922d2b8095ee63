"""Turns that were purged while their conversation lives, and conversations that end too early."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure_agent_framework import SessionNotFoundError
from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id
from sessions.desk import open_desk

if TYPE_CHECKING:
    from sessions.desk import Desk

SESSION = session_instance_id("support", "a")


async def answer_and_purge(desk: Desk) -> None:
    """Let message ``m`` be answered, and delete its turn."""
    await desk.runner.run("hi", session_id="a", message_id="m")
    await desk.env.client.get(None, turn_instance_id(SESSION, "m")).purge()


async def test_a_message_whose_turn_was_purged_is_answered_anew() -> None:
    async with open_desk() as desk:
        await answer_and_purge(desk)
        async with asyncio.timeout(10):
            reply = await desk.runner.run("hi", session_id="a", message_id="m")
        assert reply.text == "you said hi"
        assert desk.asked() == 2


async def test_a_message_whose_turn_was_purged_may_be_cancelled() -> None:
    async with open_desk() as desk:
        await answer_and_purge(desk)
        async with asyncio.timeout(10):
            await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await desk.runner.run("hi", session_id="a", message_id="m")
        assert (await desk.runner.run("on", session_id="a")).text == "you said on"


@pytest.mark.parametrize("is_purged", [False, True], ids=["terminated", "purged"])
async def test_a_cancellation_ends_with_a_conversation_that_did_not_hear_of_it(
    monkeypatch: pytest.MonkeyPatch, is_purged: bool
) -> None:
    told = asyncio.Event()
    original = perdure.WorkflowHandle.raise_event

    async def tells(self: Any, *arguments: Any) -> None:
        await original(self, *arguments)
        told.set()

    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a")
        session = desk.env.client.get(None, SESSION)
        await session.suspend()
        monkeypatch.setattr(perdure.WorkflowHandle, "raise_event", tells)
        cancelling = asyncio.create_task(desk.runner.cancel("a", "m"))
        await told.wait()
        await session.terminate(reason="enough")
        if is_purged:
            await session.wait()
            await session.purge()
        async with asyncio.timeout(10):
            try:
                await cancelling
            except SessionNotFoundError:
                assert is_purged
