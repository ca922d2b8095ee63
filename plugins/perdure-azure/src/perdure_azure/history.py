"""History: the scheduler's events of a run, in the words that vendors share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.spi.remote import EventNames
from perdure.spi.remote import vendor_events as events_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.bridge import VendorEvent

_NAMES: Final = EventNames(
    turn="orchestratorStarted",
    instance="orchestrationInstance",
    child="subOrchestrationInstance",
    status="orchestrationStatus",
    passed_over=frozenset({"orchestratorCompleted", "historyState", "executionRewound"}),
)


def vendor_events(events: Iterable[Any], *, instance_id: str) -> list[VendorEvent]:
    """Return the scheduler's events of a run; one that nobody knows is logged and left out."""
    return events_of(events, names=_NAMES, instance_id=instance_id)
