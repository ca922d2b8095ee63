"""Settling: what somebody who answers is told of an approval that has been decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.approvals.errors import (
    ApprovalAlreadyAnsweredError,
    ApprovalClosedError,
    ApprovalExpiredError,
)
from perdure.approvals.record import ApprovalState

if TYPE_CHECKING:
    from perdure.approvals.record import Approval, ApprovalAnswer, ApprovalDecision


def settled(approval: Approval, answer: ApprovalAnswer) -> Approval:
    """Return ``approval`` if it was decided as ``answer`` has it, by whoever gave that.

    Raises:
        ApprovalAlreadyAnsweredError: Somebody has answered it otherwise.
        ApprovalClosedError: It was closed.
        ApprovalExpiredError: Its deadline has passed.
    """
    decision = approval.decision
    if decision is None or decision.is_default:
        raise _unanswerable(approval)
    if _is_same(answer, decision, approval):
        return approval
    raise ApprovalAlreadyAnsweredError(
        approval_id=approval.id,
        approved=decision.approved,
        by=decision.by or "nobody",
        decided_at=decision.decided_at,
    )


def _unanswerable(approval: Approval) -> ApprovalClosedError:
    if approval.state is ApprovalState.CLOSED or approval.deadline is None:
        return ApprovalClosedError(approval_id=approval.id, reason=approval.reason)
    return ApprovalExpiredError(
        approval_id=approval.id, deadline=approval.deadline, default=approval.default
    )


def _is_same(answer: ApprovalAnswer, decision: ApprovalDecision, approval: Approval) -> bool:
    arguments = approval.arguments if answer.arguments is None else answer.arguments
    return (
        (answer.verdict == "approve") is decision.approved
        and answer.by == decision.by
        and answer.note == decision.note
        and arguments == decision.arguments
    )
