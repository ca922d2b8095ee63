"""Workflows that ask people, in every way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import perdure
from perdure.approvals import ApprovalDefault, open_approval

registry = perdure.Registry()

Decided = dict[str, Any]


def as_data(decision: perdure.ApprovalDecision) -> Decided:
    return {
        "approved": decision.approved,
        "arguments": decision.arguments,
        "by": decision.by,
        "note": decision.note,
        "is_default": decision.is_default,
    }


@registry.workflow
async def refund(
    amount: int = 40, days: float | None = None, default: ApprovalDefault = "deny"
) -> Decided:
    decision = await perdure.request_approval(
        "refund",
        arguments={"amount": amount},
        message=f"a refund of {amount}?",
        agent="support",
        tool="pay_back",
        session="chat-1",
        path=("triage", "billing"),
        deadline=None if days is None else timedelta(days=days),
        default=default,
    )
    return as_data(decision)


@registry.workflow
async def guarded() -> Decided:
    return as_data(await perdure.request_approval("release", approvers=("ann", "bob")))


@registry.workflow
async def named(approval_id: str, root_id: str | None = None) -> Decided:
    asking = perdure.request_approval("named", approval_id=approval_id, root_id=root_id)
    return as_data(await asking)


@registry.workflow
async def above(levels: int) -> Decided:
    return await (above(levels - 1) if levels else refund())


@registry.workflow
async def two_at_once() -> list[Decided]:
    first = perdure.request_approval("first")
    second = perdure.request_approval("second")
    return [as_data(each) for each in await asyncio.gather(first, second)]


@registry.workflow
async def impatient(hours: float) -> str:
    try:
        async with asyncio.timeout(hours * 3600):
            await perdure.request_approval("refund")
    except TimeoutError:
        return await perdure.wait_for_event("go", str)
    return "decided"


@registry.workflow
async def opened() -> Decided:
    pending = open_approval("refund", arguments=[1, 2])
    perdure.set_custom_status(pending.id)
    return as_data(await pending.decision())


@registry.workflow
async def large(size: int) -> int:
    decision = await perdure.request_approval("large", arguments={"text": "x" * size})
    return len(decision.arguments["text"])


@registry.workflow
async def closes_late() -> Decided:
    pending = open_approval("refund")
    decided = as_data(await pending.decision())
    pending.close()
    await perdure.wait_for_event("go")
    return decided
