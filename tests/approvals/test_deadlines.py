"""Deadlines: days pass, and the default decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import pytest

import perdure
from perdure import ApprovalState
from perdure.approvals import ApprovalDefault
from tests.approvals.looking import the_one
from tests.approvals.workflows import refund

if TYPE_CHECKING:
    from perdure.testing import Environment


@pytest.mark.parametrize(("default", "approved"), [("deny", False), ("approve", True)])
async def test_nobody_answers_for_three_days_and_the_default_decides(
    env: Environment, default: ApprovalDefault, approved: bool
) -> None:
    handle = await env.client.start(refund.bind(days=3, default=default))
    asked = await the_one(env)
    await env.advance(days=2, hours=23)
    assert (await env.client.approvals.get(asked.id)).state is ApprovalState.WAITING

    await env.advance(hours=1)

    assert await handle.result() == {
        "approved": approved,
        "arguments": {"amount": 40},
        "by": None,
        "note": "",
        "is_default": True,
    }
    decided = await env.client.approvals.get(asked.id)
    assert decided.decision is not None
    assert decided.decision.decided_at == asked.deadline


async def test_the_default_may_be_to_fail(env: Environment) -> None:
    handle = await env.client.start(refund.bind(days=3, default="fail"))
    asked = await the_one(env)

    await env.advance(days=3)

    with pytest.raises(perdure.WorkflowFailedError) as caught:
        await handle.result()
    assert caught.value.matches(perdure.ApprovalExpiredError)
    assert caught.value.matches(TimeoutError)
    assert (await env.client.approvals.get(asked.id)).state is ApprovalState.EXPIRED


@pytest.mark.parametrize("default", get_args(ApprovalDefault))
async def test_an_answer_after_the_deadline_is_late_whatever_the_default_was(
    env: Environment, default: ApprovalDefault
) -> None:
    await env.client.start(refund.bind(days=3, default=default))
    asked = await the_one(env)
    await env.advance(days=4)

    for answer in (env.client.approvals.approve, env.client.approvals.deny):
        with pytest.raises(perdure.ApprovalExpiredError, match=f"default is to {default}"):
            await answer(asked.id, by="ann")


async def test_an_answer_in_the_last_minute_counts(env: Environment) -> None:
    handle = await env.client.start(refund, 40, 3)
    asked = await the_one(env)
    await env.advance(days=2, hours=23, minutes=59)

    await env.client.approvals.approve(asked.id, by="ann")
    await env.advance(days=30)

    assert (await handle.result())["by"] == "ann"


async def test_without_a_deadline_it_waits_for_ever(env: Environment) -> None:
    handle = await env.client.start(refund)
    asked = await the_one(env)
    await env.advance(days=10_000)

    await env.client.approvals.approve(asked.id, by="ann")

    assert (await handle.result())["by"] == "ann"
