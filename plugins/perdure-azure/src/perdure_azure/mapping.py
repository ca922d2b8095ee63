"""Mapping: the scheduler's state of an instance, in the words that vendors share. Pure.

Only here an instance is an "orchestration".
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.clock import from_us
from perdure.spi.remote import VendorState
from perdure.types import Status
from perdure_azure import sdk

if TYPE_CHECKING:
    from datetime import datetime

_logger = logging.getLogger(__name__)

_STATUSES: Final = {
    "RUNNING": Status.RUNNING,
    "COMPLETED": Status.COMPLETED,
    # The instance goes on, with its next run.
    "CONTINUED_AS_NEW": Status.RUNNING,
    "FAILED": Status.FAILED,
    "CANCELED": Status.TERMINATED,
    "TERMINATED": Status.TERMINATED,
    "PENDING": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
}
# What perdure shows as PENDING or STALLED may be running for the scheduler.
_ASKED: Final = {
    Status.RUNNING: ("RUNNING", "CONTINUED_AS_NEW"),
    Status.STALLED: ("RUNNING", "CONTINUED_AS_NEW"),
    Status.PENDING: ("PENDING", "RUNNING", "CONTINUED_AS_NEW"),
    Status.COMPLETED: ("COMPLETED",),
    Status.FAILED: ("FAILED",),
    Status.TERMINATED: ("TERMINATED", "CANCELED"),
    Status.SUSPENDED: ("SUSPENDED",),
}
_PREFIX: Final = "ORCHESTRATION_STATUS_"


def vendor_state(state: Any) -> VendorState:
    """Return what the scheduler's ``OrchestrationState``, with payloads, tells."""
    details = state.failureDetails
    return VendorState(
        instance_id=state.instanceId,
        name=state.name,
        status=status_of(state),
        created_at=_instant(state, "createdTimestamp"),
        updated_at=_instant(state, "lastUpdatedTimestamp"),
        finished_at=_instant(state, "completedTimestamp"),
        input=_text(state, "input"),
        output=_text(state, "output"),
        custom_status=_text(state, "customStatus"),
        error_type=details.errorType,
        message=details.errorMessage,
        traceback=details.stackTrace.value,
    )


def status_of(state: Any) -> Status:
    """Return what the scheduler says of an instance; one that nobody knows is logged."""
    value = sdk.pb.OrchestrationStatus.DESCRIPTOR.values_by_number.get(state.orchestrationStatus)
    name = value.name.removeprefix(_PREFIX) if value else str(state.orchestrationStatus)
    status = _STATUSES.get(name)
    if status is None:
        extra = {"instance_id": state.instanceId}
        _logger.warning("unknown status %s", name, extra=extra)
        return Status.UNKNOWN
    return status


def statuses_to_ask_for(statuses: tuple[Status, ...]) -> list[int]:
    """Return the scheduler's statuses that may be shown as one of these; none for any."""
    if any(status not in _ASKED for status in statuses):
        return []
    names = {name for status in statuses for name in _ASKED[status]}
    return sorted(sdk.pb.OrchestrationStatus.Value(_PREFIX + name) for name in names)


def finished_statuses() -> list[int]:
    """Return the scheduler's statuses of instances that have ended."""
    return statuses_to_ask_for((Status.COMPLETED, Status.FAILED, Status.TERMINATED))


def _text(state: Any, field: str) -> str | None:
    # The scheduler may tell an empty text where there is none; JSON text never is empty.
    return getattr(state, field).value or None


def _instant(state: Any, field: str) -> datetime | None:
    timestamp = getattr(state, field)
    if timestamp.seconds <= 0:
        return None
    return from_us(timestamp.seconds * 1_000_000 + timestamp.nanos // 1_000)
