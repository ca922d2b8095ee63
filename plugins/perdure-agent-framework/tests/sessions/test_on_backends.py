"""Conversations on every backend, with workers in processes of their own, some of which die."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.testing.crash_points import PLACES, VARIABLE
from perdure_agent_framework import ModelCallError, SessionNotFoundError
from perdure_agent_framework.sessions.ids import session_instance_id
from perdure_agent_framework.sessions.turn_requests import Asked, turn_call
from perdure_agent_framework.sessions.turns import SESSION_EVENT, SessionSettings
from sessions.programs import AGENT_VARIABLE, TURNS_PER_RUN

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from sessions.conftest import Office

    Opening = AbstractAsyncContextManager[Office]


async def is_running(desk: Office, session_id: str) -> bool:
    """Return whether a message of a conversation is being answered."""
    try:
        return (await desk.runner.session(session_id)).state == "running"
    except SessionNotFoundError:
        return False


async def test_a_conversation_goes_on_over_runs_and_workers(office: Opening) -> None:
    async with office as desk:
        session = desk.session_id
        worker = desk.worker()
        first = await desk.runner.run("0", session_id=session, message_id="m-0")
        for number in range(1, TURNS_PER_RUN + 1):
            await desk.runner.run(str(number), session_id=session)
        worker.stop()
        desk.worker()
        await desk.runner.run("last", session_id=session)
        said = [message.text for message in await desk.runner.history(session)]
        expected = [*map(str, range(TURNS_PER_RUN + 1)), "last"]
        assert said[0::2] == expected
        assert said[1::2] == [f"you said {text}" for text in expected]
        again = await desk.runner.run("0", session_id=session, message_id="m-0")
        assert again.response_id == first.response_id
        info = await desk.runner.session(session)
        assert (info.state, info.turns) == ("idle", len(expected))
        assert len(desk.model.requests()) == len(expected)


async def test_messages_may_be_larger_than_a_backend_takes(office: Opening) -> None:
    async with office as desk:
        desk.worker()
        for number in range(TURNS_PER_RUN + 1):
            text = f"{number} " + "x" * 400_000
            reply = await desk.runner.run(text, session_id=desk.session_id)
            assert reply.text == f"you said {text}"
        said = await desk.runner.history(desk.session_id)
        assert len(said) == 2 * (TURNS_PER_RUN + 1)
        assert said[-1].text == reply.text


async def test_two_processes_that_ask_the_same_get_the_same(office: Opening) -> None:
    async with office as desk:
        desk.worker()
        asked = [desk.ask_elsewhere("m", "hi") for _ in range(2)]
        here, *there = await asyncio.gather(
            desk.runner.run("hi", session_id=desk.session_id, message_id="m"), *asked
        )
        assert {reply["id"] for reply in there} == {here.response_id}
        assert len(desk.model.requests()) == 1


@pytest.mark.parametrize("place", PLACES)
async def test_a_worker_that_dies_in_a_turn_is_replaced(office: Opening, place: str) -> None:
    async with office as desk:
        worker = desk.worker(**{VARIABLE: f"{place}:4"})
        run = asyncio.create_task(
            desk.runner.run("note", session_id=desk.session_id, message_id="m")
        )
        while not worker.has_ended:
            await asyncio.sleep(0.02)
        assert worker.was_killed
        desk.worker()
        assert (await run).text == "you said note"
        again = await desk.runner.run("note", session_id=desk.session_id, message_id="m")
        assert again.response_id == (await run).response_id
        # One call may have been under way; whatever had ended is not done again.
        assert sorted(set(desk.record.labels())) == ["step 0", "step 1", "step 2"]
        assert len(desk.record.entries()) + len(desk.model.requests()) <= 3 + 4 + 1


async def test_a_running_turn_and_a_queued_one_are_cancelled(office: Opening) -> None:
    async with office as desk:
        session = desk.session_id
        desk.worker()
        running = asyncio.create_task(desk.runner.run("wait", session_id=session, message_id="m-1"))
        await desk.until_noted(1)
        queued = asyncio.create_task(desk.runner.run("hi", session_id=session, message_id="m-2"))
        while (await desk.runner.session(session)).queued != 1:
            await asyncio.sleep(0.02)
        await desk.runner.cancel(session, "m-2")
        with pytest.raises(perdure.WorkflowCancelledError):
            await queued
        assert (await desk.runner.session(session)).message_id == "m-1"
        await desk.runner.cancel(session, "m-1")
        with pytest.raises(perdure.WorkflowCancelledError):
            await running
        assert (await desk.runner.run("on", session_id=session)).text == "you said on"


async def test_a_failure_is_told_with_its_fields(office: Opening) -> None:
    async with office as desk:
        desk.worker()
        with pytest.raises(ModelCallError) as caught:
            await desk.runner.run("secret", session_id=desk.session_id)
        assert (caught.value.kind, caught.value.status_code) == ("authentication", 401)
        on = await desk.runner.run("on", session_id=desk.session_id)
        assert on.text == "you said on"


async def test_a_conversation_is_deleted_with_its_turns(office: Opening) -> None:
    async with office as desk:
        desk.worker()
        await desk.runner.run("hi", session_id=desk.session_id, message_id="m")
        await desk.runner.delete(desk.session_id)
        with pytest.raises(SessionNotFoundError):
            await desk.runner.session(desk.session_id)
        await desk.runner.run("new", session_id=desk.session_id, message_id="m")
        assert len(await desk.runner.history(desk.session_id)) == 2


async def test_a_turn_is_begun_once_and_anew_only_when_it_was_purged(office: Opening) -> None:
    async with office as desk, desk.app.client() as client:
        desk.worker()
        session = session_instance_id("support", desk.session_id)
        asked = Asked.of(
            agent="support", name="support", session_id=desk.session_id, message_id="m"
        )
        settings = SessionSettings(turns_per_run=TURNS_PER_RUN, bytes_per_run=1_000_000)
        call = turn_call(asked, "hi", options=None, is_streamed=False, settings=settings)
        first = await desk.runner.run("hi", session_id=desk.session_id, message_id="m")
        # As a process sends it that has looked for the turn before another one asked for it.
        await client.get(None, session).raise_event(SESSION_EVENT, call.event)
        await desk.runner.run("on", session_id=desk.session_id)
        again = await desk.runner.run("hi", session_id=desk.session_id, message_id="m")
        assert again.response_id == first.response_id
        assert len(desk.model.requests()) == 2
        await client.get(None, call.turn_id).purge()
        anew = await desk.runner.run("hi", session_id=desk.session_id, message_id="m")
        assert (anew.text, len(desk.model.requests())) == ("you said hi", 3)
        assert anew.response_id != first.response_id


async def test_a_turn_waits_for_a_worker_that_has_its_agent(office: Opening) -> None:
    async with office as desk:
        before = desk.worker(**{AGENT_VARIABLE: "other"})
        run = asyncio.create_task(desk.runner.run("hi", session_id=desk.session_id))
        # The worker that is there knows conversations, and begins the turn for another worker.
        while not await is_running(desk, desk.session_id):
            await asyncio.sleep(0.02)
        before.stop()
        desk.worker()
        assert (await run).text == "you said hi"


async def test_a_stream_crosses_processes(
    office: Opening, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("PERDURE_AGENT_STREAMS", f"file://{tmp_path}/streams")
    async with office as desk:
        desk.worker()
        stream = desk.runner.run("long one", session_id=desk.session_id, stream=True)
        kinds, heard = set(), ""
        async for update in stream:
            kinds.add((update.additional_properties or {})["perdure"]["kind"])
            heard += update.text
        assert kinds == {"update"}
        assert heard == (await stream.get_final_response()).text == "you said long one"
