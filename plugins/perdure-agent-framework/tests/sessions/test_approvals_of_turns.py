"""Turns that wait for people: on a record while they run, or from one message to the next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from agent_framework import Message, tool

import perdure
from perdure.testing.scripted_model import when
from perdure_agent_framework import ApprovalPolicy, Policies
from sessions.desk import open_desk

if TYPE_CHECKING:
    from perdure_agent_framework import SessionInfo
    from sessions.desk import Desk

REFUND = (
    when(user="refund", tool_results=0).calls("refund", order="17"),
    when(user="refund").says("{result}"),
)
RETURNS = Policies(approval=ApprovalPolicy(mode="return"))


@tool(approval_mode="always_require")
def refund(order: str) -> str:
    """Refund."""
    return f"order {order} refunded"


async def waiting(desk: Desk) -> SessionInfo:
    """Return where the conversation stands once it waits for approval."""
    while True:
        try:
            info = await desk.runner.session("a")
        except LookupError:
            info = None
        if info is not None and info.state == "waiting for approval":
            return info
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("verdict", "told"), [("approve", "refunded"), ("deny", "rejected")])
async def test_a_turn_waits_on_a_record_for_days(verdict: str, told: str) -> None:
    async with open_desk(*REFUND, tools=[refund]) as desk:
        run = asyncio.create_task(desk.runner.run("refund", session_id="a", message_id="m"))
        info = await waiting(desk)
        assert info.message_id == "m"
        await desk.env.advance(days=3)
        (approval_id,) = (await waiting(desk)).approval_ids
        await getattr(desk.env.client.approvals, verdict)(approval_id, by="ada")
        assert told in (await run).text
        assert (await desk.runner.session("a")).state == "idle"


async def test_a_turn_that_is_cancelled_while_it_waits_closes_its_record() -> None:
    async with open_desk(*REFUND, tools=[refund]) as desk:
        run = asyncio.create_task(desk.runner.run("refund", session_id="a", message_id="m"))
        (approval_id,) = (await waiting(desk)).approval_ids
        await desk.runner.cancel("a", "m")
        with pytest.raises(perdure.WorkflowCancelledError):
            await run
        await desk.env.settle()
        assert (await desk.env.client.approvals.get(approval_id)).state == "closed"


@pytest.mark.parametrize(("approved", "told"), [(True, "refunded"), (False, "rejected")])
async def test_an_approval_is_asked_for_and_given_from_message_to_message(
    approved: bool, told: str
) -> None:
    async with open_desk(*REFUND, tools=[refund], policies=RETURNS) as desk:
        asked = await desk.runner.run("refund", session_id="a", message_id="m-1")
        (request,) = asked.user_input_requests
        assert request.function_call is not None
        assert request.function_call.name == "refund"
        assert (await desk.runner.session("a")).state == "idle"
        answer = Message("user", [request.to_function_approval_response(approved)])
        reply = await desk.runner.run(answer, session_id="a", message_id="m-2")
        assert told in reply.text
        # From the record alone, as a process that was not there would ask.
        again = await desk.runner.run("refund", session_id="a", message_id="m-1")
        assert [it.id for it in again.user_input_requests] == [request.id]
