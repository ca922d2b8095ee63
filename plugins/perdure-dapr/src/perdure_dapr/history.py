"""History: Dapr's events of a run, in the words that vendors share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.spi.remote import EventNames
from perdure.spi.remote import vendor_events as events_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.bridge import VendorEvent

_NAMES: Final = EventNames(
    turn="workflowStarted",
    instance="workflowInstance",
    child="childWorkflowInstance",
    status="workflowStatus",
    # A stall is no part of a journal.
    passed_over=frozenset({"workflowCompleted", "executionStalled"}),
)


def vendor_events(events: Iterable[Any], *, instance_id: str) -> list[VendorEvent]:
    """Return Dapr's events of a run; one of a kind that nobody knows is logged and left out."""
    return events_of(events, names=_NAMES, instance_id=instance_id)
