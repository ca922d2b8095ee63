"""Streams of turns: what the agent says as it says it, and a final response that is durable."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework import (
    DurableAgentRunner,
    MemoryStreamHub,
    MessageConflictError,
    ModelCallError,
)
from sessions.desk import Gate, open_desk, support_agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Sequence

    from agent_framework import AgentResponseUpdate

LONG = when(user="long").says("one two three")


def place(update: AgentResponseUpdate) -> dict[str, Any]:
    found: dict[str, Any] = (update.additional_properties or {})["perdure"]
    return found


def text(updates: Sequence[AgentResponseUpdate]) -> str:
    return "".join(update.text for update in updates)


async def test_an_answer_comes_piece_by_piece_and_then_as_a_whole() -> None:
    async with open_desk(LONG, stream_hub=MemoryStreamHub()) as desk:
        stream = desk.runner.run("long", session_id="a", stream=True)
        updates = [update async for update in stream]
        final = await stream.get_final_response()
        assert text(updates) == final.text == "one two three"
        assert len([update for update in updates if update.text]) > 1
        assert [place(update)["sequence"] for update in updates] == list(range(len(updates)))
        durable = await desk.runner.history("a")
        assert [message.text for message in durable] == ["long", "one two three"]


async def test_pieces_come_while_the_turn_runs() -> None:
    gate = Gate()
    says_and_holds = when(user="hold", tool_results=0).says("wait").calls("hold")
    async with open_desk(says_and_holds, tools=[gate.hold], stream_hub=MemoryStreamHub()) as desk:
        stream = desk.runner.run("hold", session_id="a", stream=True)
        heard = ""
        async for update in stream:
            heard += update.text
            if heard == "wait" and not gate.opened.done():
                gate.open()
        assert heard == "waityou said hold"


async def test_who_comes_late_hears_everything() -> None:
    gate = Gate()
    says_and_holds = when(user="hold", tool_results=0).says("wait").calls("hold")
    async with open_desk(says_and_holds, tools=[gate.hold], stream_hub=MemoryStreamHub()) as desk:
        first = asyncio.create_task(_heard(desk.runner.run("hold", message_id="m", stream=True)))
        await gate.is_reached()
        second = asyncio.create_task(_heard(desk.runner.run("hold", message_id="m", stream=True)))
        gate.open()
        assert await first == await second == "waityou said hold"
        assert await _heard(desk.runner.run("hold", message_id="m", stream=True)) == await first
        assert desk.asked() == 2


async def test_an_answer_that_was_not_streamed_comes_as_a_whole() -> None:
    async with open_desk(LONG, stream_hub=MemoryStreamHub()) as desk:
        await desk.runner.run("long", session_id="a", message_id="m")
        stream = desk.runner.run("long", session_id="a", message_id="m", stream=True)
        updates = [update async for update in stream]
        assert text(updates) == "one two three"
        assert place(updates[0]) == {"sequence": 0, "kind": "whole"}
        assert desk.asked() == 1


async def test_the_final_response_alone_may_be_awaited() -> None:
    async with open_desk(LONG, stream_hub=MemoryStreamHub()) as desk:
        stream = desk.runner.run("long", session_id="a", stream=True)
        assert (await stream.get_final_response()).text == "one two three"


async def test_a_stream_nobody_listens_to_asks_nothing() -> None:
    async with open_desk(stream_hub=MemoryStreamHub()) as desk:
        desk.runner.run("hi", session_id="a", stream=True)
        await desk.env.settle()
        assert desk.asked() == 0


async def test_a_failure_ends_the_stream() -> None:
    async with open_desk(when().fails(401), stream_hub=MemoryStreamHub()) as desk:
        with pytest.raises(ModelCallError):
            await _heard(desk.runner.run("hi", session_id="a", stream=True))


@pytest.mark.parametrize(
    ("said", "timeout", "error"),
    [
        ("hold", timedelta(seconds=0.2), TimeoutError),
        ("something else", None, MessageConflictError),
    ],
)
async def test_who_stops_listening_early_does_not_end_the_stream_of_others(
    said: str, timeout: timedelta | None, error: type[Exception]
) -> None:
    gate = Gate()
    says_and_holds = when(user="hold", tool_results=0).says("wait").calls("hold")
    async with open_desk(says_and_holds, tools=[gate.hold], stream_hub=MemoryStreamHub()) as desk:

        def listen(said: str, timeout: timedelta | None = None) -> Any:
            return desk.runner.run(
                said, session_id="a", message_id="m", stream=True, timeout=timeout
            )

        first = asyncio.create_task(_heard(listen("hold")))
        await gate.is_reached()
        async with asyncio.timeout(10):
            with pytest.raises(error):
                await _heard(listen(said, timeout))
        gate.open()
        assert await first == "waityou said hold"


async def test_what_a_sub_agent_says_is_no_part_of_the_answer() -> None:
    rules = [
        when(user="dig", tool_results=0).calls("digger", task="deep"),
        when(user="deep").says("only to my caller"),
        when(user="dig").says("done"),
    ]
    async with ScriptedModel(rules) as model:
        digger = support_agent(model.url, name="digger")
        app = perdure.App("desk")
        runner = DurableAgentRunner(
            support_agent(model.url, tools=[digger.as_tool()]),
            app=app,
            stream_hub=MemoryStreamHub(),
        )
        async with run_in_memory(app) as env:
            assert await _heard(runner.using(env.client).run("dig", stream=True)) == "done"
            assert len(model.requests()) == 3


async def _heard(stream: AsyncIterable[AgentResponseUpdate]) -> str:
    return text([update async for update in stream])
