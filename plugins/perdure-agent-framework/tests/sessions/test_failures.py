"""Turns that fail, are cancelled or are ended by force: who asked is told, and the talk goes on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from agent_framework import ContextProvider

import perdure
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework import (
    Budget,
    BudgetExceededError,
    DurableAgentRunner,
    ModelCallError,
    NotDurableError,
    Policies,
    SessionClosedError,
    SessionNotFoundError,
)
from perdure_agent_framework.sessions.ids import session_instance_id, turn_instance_id
from sessions.desk import HOLDS, Gate, open_desk, support_agent

SESSION = session_instance_id("support", "a")


async def test_a_model_that_refuses_is_told_with_all_fields_and_the_conversation_goes_on() -> None:
    async with open_desk(when(user="secret").fails(401, message="no such key")) as desk:
        await desk.runner.run("before", session_id="a")
        with pytest.raises(ModelCallError, match="'support' did not answer") as caught:
            await desk.runner.run("secret", session_id="a", message_id="m")
        assert caught.value.kind == "authentication"
        assert (caught.value.model, caught.value.attempts) == ("support", 1)
        assert caught.value.status_code == 401
        assert (await desk.runner.run("after", session_id="a")).text == "you said after"
        said = [message.text for message in await desk.runner.history("a")]
        assert said == ["before", "you said before", "after", "you said after"]


async def test_a_failed_message_gives_the_same_error_again_and_asks_nobody() -> None:
    async with open_desk(when(user="secret").fails(401)) as desk:
        for _ in range(2):
            with pytest.raises(ModelCallError):
                await desk.runner.run("secret", session_id="a", message_id="m")
        assert desk.asked() == 1


async def test_a_used_up_budget_is_told_as_what_it_is() -> None:
    def step() -> str:
        """Step."""
        return "again"

    policies = Policies(budget=Budget(model_calls=3))
    loops = when(user="loop").calls("step")
    async with open_desk(loops, tools=[step], policies=policies) as desk:
        with pytest.raises(BudgetExceededError) as caught:
            await desk.runner.run("loop", session_id="a")
        assert (caught.value.resource, caught.value.limit) == ("model_calls", "3")
        assert (await desk.runner.run("on", session_id="a")).text == "you said on"


async def test_a_running_turn_that_is_cancelled_ends_and_its_tool_is_given_up() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        run = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="m"))
        await gate.is_reached()
        await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await run
        gate.open()
        assert (await desk.runner.run("on", session_id="a")).text == "you said on"
        assert [message.text for message in await desk.runner.history("a")] == ["on", "you said on"]


async def test_a_queued_turn_that_is_cancelled_never_begins() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        first = asyncio.create_task(desk.runner.run("hold", session_id="a"))
        await gate.is_reached()
        second = asyncio.create_task(desk.runner.run("no", session_id="a", message_id="m"))
        await desk.until_queued("a", 1)
        await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await second  # at once: the first is still held
        gate.open()
        assert (await first).text == "you said hold"
        assert desk.asked() == 2


async def test_a_message_may_be_cancelled_before_it_is_sent() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a")
        await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await desk.runner.run("late", session_id="a", message_id="m")
        assert desk.asked() == 1


async def test_cancelling_what_was_answered_changes_nothing() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a", message_id="m")
        await desk.runner.cancel("a", "m")
        assert (await desk.runner.run("hi", session_id="a", message_id="m")).text == "you said hi"


async def test_a_turn_that_is_terminated_leaves_the_conversation_usable() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        run = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="m"))
        await gate.is_reached()
        await desk.env.client.get(None, turn_instance_id(SESSION, "m")).terminate(reason="enough")
        with pytest.raises(perdure.WorkflowTerminatedError, match="enough"):
            await run
        gate.open()
        assert (await desk.runner.run("on", session_id="a")).text == "you said on"


async def test_who_waits_no_longer_may_ask_again() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        with pytest.raises(TimeoutError, match="it goes on"):
            await desk.runner.run(
                "hold", session_id="a", message_id="m", timeout=timedelta(seconds=0.3)
            )
        gate.open()
        reply = await desk.runner.run("hold", session_id="a", message_id="m")
        assert reply.text == "you said hold"
        assert desk.asked() == 2


async def test_a_closed_conversation_answers_what_was_asked_and_takes_no_more() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        first = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="m"))
        await gate.is_reached()
        second = asyncio.create_task(desk.runner.run("queued", session_id="a"))
        await desk.until_queued("a", 1)
        await desk.runner.close("a")
        gate.open()
        await asyncio.gather(first, second)
        await desk.env.client.get(None, SESSION).wait()
        with pytest.raises(SessionClosedError, match="session 'a' has ended"):
            await desk.runner.run("more", session_id="a")
        again = await desk.runner.run("hold", session_id="a", message_id="m")
        assert again.text == "you said hold"
        assert (await desk.runner.session("a")).state == "ended"


async def test_a_deleted_conversation_begins_anew() -> None:
    async with open_desk() as desk:
        await desk.runner.run("hi", session_id="a", message_id="m")
        await desk.runner.run("ho", session_id="other", message_id="m")
        await desk.runner.delete("a")
        with pytest.raises(SessionNotFoundError):
            await desk.runner.session("a")
        await desk.runner.run("new", session_id="a", message_id="m")
        said = [message.text for message in await desk.runner.history("a")]
        assert said == ["new", "you said new"]
        assert len(await desk.runner.history("other")) == 2


async def test_a_conversation_is_deleted_while_a_turn_runs() -> None:
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        run = asyncio.create_task(desk.runner.run("hold", session_id="a"))
        await gate.is_reached()
        await desk.runner.delete("a")
        with pytest.raises((perdure.WorkflowTerminatedError, perdure.InstanceNotFoundError)):
            await run
        gate.open()
        assert [info async for info in desk.env.client.list()] == []


async def test_who_waits_while_a_conversation_is_deleted_does_not_begin_it_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = Gate()
    looked, deleted = asyncio.Event(), asyncio.Event()
    original = perdure.WorkflowHandle.result

    async def looks_rarely(self: Any, **options: Any) -> Any:
        looked.set()
        await deleted.wait()
        return await original(self, **options)

    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        first = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="1"))
        await gate.is_reached()
        first.cancel()
        monkeypatch.setattr(perdure.WorkflowHandle, "result", looks_rarely)
        run = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="1"))
        await looked.wait()
        await desk.runner.delete("a")
        gate.open()
        deleted.set()
        with pytest.raises(perdure.InstanceNotFoundError):
            await run
        assert [info async for info in desk.env.client.list()] == []


@pytest.mark.parametrize("what", ["session", "history", "close", "delete"])
async def test_an_unknown_conversation_is_not_found(what: str) -> None:
    async with open_desk() as desk:
        with pytest.raises(SessionNotFoundError, match="agent 'support' has no session 'nobody'"):
            await getattr(desk.runner, what)("nobody")
        with pytest.raises(SessionNotFoundError):
            await desk.runner.cancel("nobody", "m")


async def test_ids_that_are_none_are_refused() -> None:
    async with open_desk() as desk:
        with pytest.raises(ValueError, match="session_id has 1 to 1,024 characters"):
            await desk.runner.run("hi", session_id="")
        with pytest.raises(ValueError, match="message_id has 1 to 1,024"):
            await desk.runner.run("hi", session_id="a", message_id="m" * 1_025)
        with pytest.raises(TypeError, match="session_id is a str, not int"):
            await desk.runner.run("hi", session_id=17)  # type: ignore[call-overload]
        assert desk.asked() == 0


async def test_secrets_of_a_single_run_are_refused_before_they_are_stored() -> None:
    options = {"extra_headers": {"Authorization": "Bearer not-to-be-stored"}}
    async with open_desk() as desk:
        with pytest.raises(NotDurableError, match="looks like a secret"):
            await desk.runner.run("hello", session_id="a", options=options)
        assert [info async for info in desk.env.client.list()] == []


async def test_tools_of_a_single_run_are_refused() -> None:
    async with open_desk() as desk:
        with pytest.raises(NotDurableError, match="give the tools to the agent"):
            await desk.runner.run("hi", options={"tools": [print]})


async def test_a_runner_in_a_workflow_says_what_to_do_instead() -> None:
    app = perdure.App("desk")
    async with ScriptedModel([]) as model:
        runner = DurableAgentRunner(support_agent(model.url), app=app)

        @app.workflow
        async def ask() -> str:
            try:
                return (await runner.run("hi")).text
            except NotDurableError as error:
                return str(error)

        async with run_in_memory(app) as env:
            handle = await env.client.start(ask)
            assert "await agent.run(…) there" in await handle.result()


@pytest.mark.filterwarnings("ignore:AgentSession state value")
async def test_state_that_cannot_be_stored_fails_the_turn_and_says_so() -> None:
    async with open_desk() as desk:

        class Hoarder(ContextProvider):
            async def before_run(self, *, session: object, **others: object) -> None:
                session.state["kept"] = object()  # type: ignore[attr-defined]

        desk.runner.agent.context_providers = [Hoarder("hoarder")]
        with pytest.raises(NotDurableError, match="the state of the session"):
            await desk.runner.run("hi", session_id="a")
