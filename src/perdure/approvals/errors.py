"""What can go wrong with approvals.

::

    PerdureError
    ├── ApprovalNotFoundError            (LookupError)
    ├── ApprovalAlreadyAnsweredError     somebody answered it, and otherwise
    ├── ApprovalNotPermittedError        (PermissionError) it is for others to answer
    └── ApprovalClosedError              nobody can answer it any more
        └── ApprovalExpiredError         (TimeoutError) ... because its deadline has passed
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.errors import PerdureError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class ApprovalNotFoundError(PerdureError, LookupError):
    """There is no approval of that id, or nothing is known of it since it has not begun."""

    def __init__(self, *, approval_id: str, workflow: str | None = None) -> None:
        super().__init__(_not_found(approval_id, workflow))
        self.approval_id = approval_id


class ApprovalAlreadyAnsweredError(PerdureError):
    """Somebody has answered it, and not in the same way.

    Attributes:
        approved: What the answer was.
        by: Whose it was.
        decided_at: When it was applied.
    """

    def __init__(self, *, approval_id: str, approved: bool, by: str, decided_at: datetime) -> None:
        verdict = "approved" if approved else "denied"
        super().__init__(
            f"approval {approval_id!r} was answered already: {verdict} by {by} at "
            f"{decided_at.isoformat(timespec='seconds')}; the first answer counts"
        )
        self.approval_id = approval_id
        self.approved = approved
        self.by = by
        self.decided_at = decided_at


class ApprovalNotPermittedError(PerdureError, PermissionError):
    """Whoever answers is not among those that were asked."""

    def __init__(self, *, approval_id: str, by: str, approvers: Iterable[str]) -> None:
        super().__init__(
            f"approval {approval_id!r} is not for {by} to answer; it is for {', '.join(approvers)}"
        )
        self.approval_id = approval_id
        self.by = by


class ApprovalClosedError(PerdureError):
    """Nobody can answer it any more: whoever asked has ended, or waits no longer."""

    def __init__(self, *, approval_id: str, reason: str) -> None:
        super().__init__(f"approval {approval_id!r} is closed: {reason}")
        self.approval_id = approval_id
        self.reason = reason


class ApprovalExpiredError(ApprovalClosedError, TimeoutError):
    """Nobody has answered it before its deadline."""

    def __init__(self, *, approval_id: str, deadline: datetime, default: str) -> None:
        reason = (
            f"its deadline passed at {deadline.isoformat(timespec='seconds')} without an answer, "
            f"and its default is to {default}"
        )
        super().__init__(approval_id=approval_id, reason=reason)
        self.deadline = deadline
        self.default = default


def _not_found(approval_id: str, workflow: str | None) -> str:
    if workflow == "":  # as Dapr shows an instance until its first turn
        return f"{approval_id!r} has not begun, so nothing is known of it; ask again once it has"
    found = "" if workflow is None else f" (it is an instance of workflow {workflow!r})"
    return f"no approval {approval_id!r} in this hub{found}; check the id and PERDURE_BACKEND"
