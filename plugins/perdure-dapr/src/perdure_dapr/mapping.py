"""Mapping: Dapr's state of an instance, in the words that vendors share. Pure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.clock import from_us
from perdure.spi.remote import VendorState
from perdure.types import Status

if TYPE_CHECKING:
    from datetime import datetime

_logger = logging.getLogger(__name__)

_STATUSES: Final = {
    "RUNNING": Status.RUNNING,
    "COMPLETED": Status.COMPLETED,
    # The instance goes on, with its next run.
    "CONTINUED_AS_NEW": Status.RUNNING,
    "FAILED": Status.FAILED,
    "TERMINATED": Status.TERMINATED,
    "PENDING": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
    "STALLED": Status.STALLED,
}
_PREFIX: Final = "ORCHESTRATION_STATUS_"


def vendor_state(state: Any) -> VendorState:
    """Return what Dapr's ``WorkflowState``, with payloads, tells.

    Of an instance whose first turn has not run it is only that it is there: such a one has no name.
    """
    details = state.failureDetails
    return VendorState(
        instance_id=state.instanceId,
        name=state.name,
        status=status_of(state),
        created_at=_instant(state.createdTimestamp),
        began_at=_began_at(state),
        updated_at=_instant(state.lastUpdatedTimestamp),
        input=_text(state, "input"),
        output=_text(state, "output"),
        custom_status=_text(state, "customStatus"),
        error_type=details.errorType,
        message=details.errorMessage,
        traceback=details.stackTrace.value,
    )


def status_of(state: Any) -> Status:
    """Return what Dapr says of an instance; one that nobody knows is logged."""
    field = state.DESCRIPTOR.fields_by_name["workflowStatus"]
    number = state.workflowStatus
    value = field.enum_type.values_by_number.get(number)
    name = value.name.removeprefix(_PREFIX) if value else str(number)
    status = _STATUSES.get(name)
    if status is None:
        _logger.warning(
            "unknown status %s", name, extra={"instance_id": getattr(state, "instanceId", "")}
        )
        return Status.UNKNOWN
    return status


def _began_at(state: Any) -> datetime | None:
    # Messages of SDK 1.18 do not have the field; the run id of raw input is then another than the
    # worker's, which is only shown.
    return _instant(state.startedAt) if "startedAt" in state.DESCRIPTOR.fields_by_name else None


def _text(state: Any, field: str) -> str | None:
    return getattr(state, field).value if state.HasField(field) else None


def _instant(timestamp: Any) -> datetime | None:
    """Return an instant; ``None`` for Dapr's year 1, which is none."""
    if timestamp.seconds <= 0:
        return None
    return from_us(timestamp.seconds * 1_000_000 + timestamp.nanos // 1_000)
