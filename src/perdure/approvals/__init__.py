"""Approvals: a workflow asks, people answer, and the question is a durable record until they do.

In a workflow, ``perdure.request_approval(…)``; outside, ``client.approvals``. Each approval is an
instance of the built-in workflow ``perdure.approval``, a child of the one that asks: its input is
the question, its durable timer the deadline, an event the answer, its result the outcome.

Each name below is fetched when it is first used, since the command line needs only a few.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.approvals.asking import (
        ApprovalOptions,
        PendingApproval,
        open_approval,
        request_approval,
    )
    from perdure.approvals.client import ApprovalFilter, Approvals
    from perdure.approvals.errors import (
        ApprovalAlreadyAnsweredError,
        ApprovalClosedError,
        ApprovalExpiredError,
        ApprovalNotFoundError,
        ApprovalNotPermittedError,
    )
    from perdure.approvals.record import (
        Approval,
        ApprovalDecision,
        ApprovalDefault,
        ApprovalRequest,
        ApprovalState,
    )
    from perdure.approvals.sync_client import SyncApprovals

__all__ = [
    "Approval",
    "ApprovalAlreadyAnsweredError",
    "ApprovalClosedError",
    "ApprovalDecision",
    "ApprovalDefault",
    "ApprovalExpiredError",
    "ApprovalFilter",
    "ApprovalNotFoundError",
    "ApprovalNotPermittedError",
    "ApprovalOptions",
    "ApprovalRequest",
    "ApprovalState",
    "Approvals",
    "PendingApproval",
    "SyncApprovals",
    "open_approval",
    "request_approval",
]

_HOMES = {
    "ApprovalFilter": "client",
    "ApprovalOptions": "asking",
    "Approvals": "client",
    "PendingApproval": "asking",
    "SyncApprovals": "sync_client",
    "open_approval": "asking",
    "request_approval": "asking",
}


if not TYPE_CHECKING:  # a checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'perdure.approvals' has no attribute {name!r}")
        home = _HOMES.get(name, "errors" if name.endswith("Error") else "record")
        value = getattr(import_module(f"perdure.approvals.{home}"), name)
        globals()[name] = value  # the next look-up does not come here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
