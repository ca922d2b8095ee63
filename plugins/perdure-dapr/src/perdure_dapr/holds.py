"""Holds: why Dapr itself keeps an instance from going on, as its history tells. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.spi.remote import hold_reason as reason_of_hold
from perdure_dapr.history import vendor_events

if TYPE_CHECKING:
    from collections.abc import Sequence

_REMEDIES: Final = {
    "PAYLOAD_SIZE_EXCEEDED": (
        "start the sidecar anew with a larger --max-body-size, and set PERDURE_PAYLOADS so that "
        "large payloads stay out of history"
    ),
    "VERSION_NOT_AVAILABLE": "start a worker that has this version of the workflow",
    "PATCH_MISMATCH": "start a worker whose code has the patches that the run began with",
}


def hold_reason(events: Sequence[Any], *, instance_id: str) -> str | None:
    """Return why an instance is on hold or stalled; ``None`` where nothing says so."""
    for event in reversed(events):
        kind = event.WhichOneof("eventType")
        if kind == "executionStalled":
            return _stall(event.executionStalled)
        if kind == "executionResumed":
            break
    return reason_of_hold(vendor_events(events, instance_id=instance_id))


def _stall(stalled: Any) -> str:
    field = stalled.DESCRIPTOR.fields_by_name["reason"]
    value = field.enum_type.values_by_number.get(stalled.reason)
    name = value.name if value else str(stalled.reason)
    told = ": ".join(part for part in (name, stalled.description) if part)
    return f"{told}; {_REMEDIES[name]}" if name in _REMEDIES else told
