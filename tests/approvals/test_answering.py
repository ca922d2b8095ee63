"""Answering: once, by whoever may, in time; and what everybody else is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import ApprovalState
from perdure._payload_backend import PayloadBackend
from perdure.approvals.record import ANSWER_EVENT
from tests.approvals.looking import the_one
from tests.approvals.workflows import guarded, large, refund

if TYPE_CHECKING:
    from perdure.testing import Environment
    from perdure.types import InstanceInfo


async def test_the_workflow_goes_on_with_the_arguments_as_edited(env: Environment) -> None:
    handle = await env.client.start(refund, 40)
    asked = await the_one(env)

    approval = await env.client.approvals.approve(
        asked.id, by="ann", note="half", arguments={"amount": 20}
    )

    assert approval.arguments == {"amount": 40}
    assert await handle.result() == {
        "approved": True,
        "arguments": {"amount": 20},
        "by": "ann",
        "note": "half",
        "is_default": False,
    }


async def test_a_denial_has_a_note_and_the_arguments_as_asked(env: Environment) -> None:
    handle = await env.client.start(refund, 40)

    await env.client.approvals.deny((await the_one(env)).id, by="bob", note="too much")

    decided = await handle.result()
    assert (decided["approved"], decided["note"]) == (False, "too much")
    assert decided["arguments"] == {"amount": 40}


@pytest.mark.parametrize(
    "again",
    [
        {"by": "bob"},
        {"by": "ann", "note": "another"},
        {"by": "ann", "note": "yes", "arguments": {"amount": 1}},
    ],
    ids=str,
)
async def test_another_answer_is_refused_with_the_first_one(
    env: Environment, again: dict[str, Any]
) -> None:
    await env.client.start(refund, 40)
    asked = await the_one(env)
    await env.client.approvals.approve(asked.id, by="ann", note="yes")

    with pytest.raises(perdure.ApprovalAlreadyAnsweredError) as caught:
        await env.client.approvals.approve(asked.id, **again)
    assert (caught.value.by, caught.value.approved) == ("ann", True)
    assert caught.value.decided_at == env.now


@pytest.mark.parametrize("arguments", [None, {"amount": 40}])
async def test_the_same_answer_again_gives_the_same_decision(
    env: Environment, arguments: Any
) -> None:
    await env.client.start(refund, 40)
    asked = await the_one(env)
    first = await env.client.approvals.approve(asked.id, by="ann")

    # Arguments that were not edited are those that were asked for, said or unsaid.
    again = await env.client.approvals.approve(asked.id, by="ann", arguments=arguments)

    assert again == first


async def test_of_many_answers_at_once_one_wins(env: Environment) -> None:
    handle = await env.client.start(refund)
    asked = await the_one(env)
    people = [f"p{number}" for number in range(12)]

    answers = await asyncio.gather(
        *(env.client.approvals.approve(asked.id, by=each) for each in people),
        return_exceptions=True,
    )

    (winner,) = [each for each in answers if isinstance(each, perdure.Approval)]
    assert winner.decision is not None
    by = (await handle.result())["by"]
    assert by == winner.decision.by
    losers = [each for each in answers if isinstance(each, perdure.ApprovalAlreadyAnsweredError)]
    assert [each.by for each in losers] == [by] * (len(people) - 1)


async def test_only_those_who_were_asked_may_answer(env: Environment) -> None:
    handle = await env.client.start(guarded)
    asked = await the_one(env)

    with pytest.raises(perdure.ApprovalNotPermittedError, match="ann, bob"):
        await env.client.approvals.approve(asked.id, by="mallory")
    assert (await env.client.approvals.get(asked.id)).state is ApprovalState.WAITING
    await env.client.approvals.approve(asked.id, by="bob")
    assert (await handle.result())["by"] == "bob"


async def test_who_answers_must_be_said(env: Environment) -> None:
    await env.client.start(refund)
    asked = await the_one(env)

    with pytest.raises(ValueError, match="say who answers"):
        await env.client.approvals.approve(asked.id, by="")


async def test_arguments_that_are_no_json_are_refused(env: Environment) -> None:
    await env.client.start(refund)
    asked = await the_one(env)

    with pytest.raises(perdure.PayloadError, match="answer to an approval"):
        await env.client.approvals.approve(asked.id, by="ann", arguments={"amount": {1, 2}})


@pytest.mark.parametrize("looks", [1, 1_000])
async def test_one_that_has_not_begun_is_waited_for(
    env: Environment, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    await env.client.start(refund)
    asked = await the_one(env)
    get, seen = PayloadBackend.get, 0

    async def show_nothing_at_first(self: PayloadBackend, instance_id: str) -> InstanceInfo:
        nonlocal seen
        seen += 1
        info = await get(self, instance_id)
        return replace(info, name="", input_json=None) if seen <= looks else info

    monkeypatch.setattr(PayloadBackend, "get", show_nothing_at_first)
    monkeypatch.setattr("perdure.approvals.client._BEGIN_SECONDS", 0.3)
    if looks == 1:
        assert (await env.client.approvals.get(asked.id)).arguments == asked.arguments
    else:
        with pytest.raises(perdure.ApprovalNotFoundError, match=f"{asked.id}' has not begun"):
            await env.client.approvals.approve(asked.id, by="ann")
    assert seen > 1


async def test_what_is_no_approval_is_not_found(env: Environment) -> None:
    await env.client.start(refund, instance_id="r-1")
    await env.settle()

    with pytest.raises(perdure.ApprovalNotFoundError, match="workflow 'refund'"):
        await env.client.approvals.get("r-1")
    with pytest.raises(perdure.ApprovalNotFoundError, match="nobody"):
        await env.client.approvals.deny("nobody", by="ann")
    with pytest.raises(perdure.InvalidInstanceIdError):
        await env.client.approvals.get("no id")


async def test_an_answer_for_a_run_that_was_terminated_is_refused(env: Environment) -> None:
    handle = await env.client.start(refund, instance_id="r-1")
    asked = await the_one(env)
    await handle.terminate(reason="wrong customer")
    await env.settle()

    with pytest.raises(perdure.ApprovalClosedError, match="r-1") as caught:
        await env.client.approvals.approve(asked.id, by="ann")
    assert not isinstance(caught.value, perdure.ApprovalExpiredError)


async def test_an_answer_that_cannot_be_read_is_passed_over(env: Environment) -> None:
    handle = await env.client.start(refund)
    asked = await the_one(env)
    backend = env.client._link.backend
    for payload in ('"yes"', '{"verdict": "maybe", "by": "x"}', "null"):
        raising = backend.raise_event(asked.id, ANSWER_EVENT, payload)
        await env.client._link.call(raising, action="raise_event")

    await env.client.approvals.approve(asked.id, by="ann")

    assert (await handle.result())["by"] == "ann"


async def test_an_answer_to_an_approval_on_hold_is_stored(env: Environment) -> None:
    handle = await env.client.start(refund)
    asked = await the_one(env)
    record = env.client.get(None, asked.id)
    await record.suspend()

    stored = await env.client.approvals.approve(asked.id, by="ann", timeout=timedelta())

    assert stored.state is ApprovalState.STORED
    await record.resume()
    assert (await handle.result())["by"] == "ann"


async def test_arguments_of_any_size_are_listed_and_come_back(env: Environment) -> None:
    handle = await env.client.start(large, 900_000)
    asked = await the_one(env)

    assert len(asked.arguments["text"]) == 900_000
    await env.client.approvals.approve(asked.id, by="ann")
    assert await handle.result() == 900_000
