"""Conversations that last: new runs with empty histories, and little that is stored twice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import perdure
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework import DurableAgentRunner
from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id
from perdure_agent_framework.sessions.turn_requests import Asked, turn_call
from perdure_agent_framework.sessions.turns import SESSION_EVENT, SessionSettings
from sessions.desk import ECHO, HOLDS, Gate, open_desk, support_agent

if TYPE_CHECKING:
    from perdure import Client
    from sessions.desk import Desk

SESSION = session_instance_id("support", "a")


async def size_of_history(client: Client, instance_id: str) -> int:
    """Return how many characters a history has, payloads and all."""
    return sum(len(repr(event)) for event in await client.get(None, instance_id).history())


async def run_of(desk: Desk) -> str:
    return (await desk.env.client.get(None, SESSION).info()).run_id


async def test_a_new_run_begins_after_so_many_turns_and_nothing_is_forgotten() -> None:
    async with open_desk(turns_per_run=2) as desk:
        runs, sizes = set(), []
        for number in range(7):
            await desk.runner.run(str(number), session_id="a", message_id=f"m-{number}")
            await desk.env.settle()
            runs.add(await run_of(desk))
            sizes.append(await size_of_history(desk.env.client, SESSION))
        assert len(runs) == 4
        assert max(sizes[4:]) < 3 * max(sizes[:2])
        assert (await desk.runner.session("a")).turns == 7
        said = [message.text for message in await desk.runner.history("a")]
        assert said[0::2] == [str(number) for number in range(7)]


async def test_a_new_run_begins_after_so_many_bytes() -> None:
    async with open_desk(bytes_per_run=10_000) as desk:
        await desk.runner.run("short", session_id="a")
        await desk.env.settle()
        first = await run_of(desk)
        await desk.runner.run("x" * 10_000, session_id="a")
        await desk.env.settle()
        assert await run_of(desk) != first


async def test_what_waits_goes_along_into_the_next_run() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold], turns_per_run=1) as desk:
        runs = [asyncio.create_task(desk.runner.run("hold", session_id="a"))]
        await gate.is_reached()
        for number in range(1, 4):
            runs.append(asyncio.create_task(desk.runner.run(str(number), session_id="a")))
            await desk.until_queued("a", number)
        await desk.runner.close("a")
        gate.open()
        replies = [reply.text for reply in await asyncio.gather(*runs)]
        assert replies == ["you said hold", "you said 1", "you said 2", "you said 3"]
        await desk.env.client.get(None, SESSION).wait()


async def test_a_message_of_an_earlier_run_has_its_old_reply() -> None:
    async with open_desk(turns_per_run=2) as desk:
        first = await desk.runner.run("0", session_id="a", message_id="m-0")
        for number in range(1, 6):
            await desk.runner.run(str(number), session_id="a", message_id=f"m-{number}")
        again = await desk.runner.run("0", session_id="a", message_id="m-0")
        assert again.response_id == first.response_id
        assert desk.asked() == 6


async def test_an_event_that_comes_again_after_its_turn_is_no_new_turn() -> None:
    async with open_desk(turns_per_run=2) as desk:
        asked = Asked.of(agent="support", name="support", session_id="a", message_id="m-0")
        settings = SessionSettings(turns_per_run=2, bytes_per_run=1_000_000)
        call = turn_call(asked, "0", options=None, is_streamed=False, settings=settings)
        await desk.runner.run("0", session_id="a", message_id="m-0")
        await desk.runner.run("1", session_id="a")
        # As a process sends it that has looked for the turn before another one asked for it.
        session = desk.env.client.get(None, SESSION)
        await session.raise_event(SESSION_EVENT, call.event)
        await desk.env.settle()
        assert (await desk.runner.run("2", session_id="a")).text == "you said 2"
        assert desk.asked() == 3
        assert (await desk.runner.session("a")).turns == 3


async def test_a_turn_stores_the_conversation_once_and_what_is_new() -> None:
    async with open_desk() as desk:
        sizes = {}
        for number in range(1, 41):
            text = f"{number} " + "x" * 500
            await desk.runner.run(text, session_id="a", message_id=f"m-{number}")
            turn = turn_instance_id(SESSION, f"m-{number}")
            if number in (20, 30, 40):
                sizes[number] = await size_of_history(desk.env.client, turn)
        conversation = 10 * (2 * 500)  # what ten turns say
        # What a turn stores of those before it is its input; the model call is sent what is new.
        assert sizes[30] - sizes[20] < 1.6 * conversation
        assert sizes[40] - sizes[30] < 1.6 * conversation


async def test_a_conversation_sleeps_for_months() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a")
        await desk.env.advance(days=200)
        await desk.runner.run("back", session_id="a")
        assert len(await desk.runner.history("a")) == 4


async def test_a_conversation_that_slept_is_answered_by_the_agent_as_it_is_now() -> None:
    async with ScriptedModel([when(system="pirate").says("arr"), ECHO]) as model:
        agent = support_agent(model.url)
        app = perdure.App("desk")
        runner = DurableAgentRunner(agent, app=app)
        async with run_in_memory(app) as env:
            talk = runner.using(env.client)
            assert (await talk.run("hi", session_id="a")).text == "you said hi"
            agent.default_options["instructions"] = "You are a pirate."
            assert (await talk.run("hi", session_id="a")).text == "arr"
