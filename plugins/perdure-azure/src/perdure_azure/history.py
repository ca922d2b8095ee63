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
    return events_of(_without_rewinding(events), names=_NAMES, instance_id=instance_id)


def _without_rewinding(events: Iterable[Any]) -> list[Any]:
    """Return the events up to the first end, if what came then was a rewinding.

    It was refused: else that end would be gone.
    """
    kept = list(events)
    kinds = [event.WhichOneof("eventType") for event in kept]
    if "executionRewound" in kinds and "executionCompleted" in kinds:
        end = kinds.index("executionCompleted")
        if end < kinds.index("executionRewound"):
            return kept[: end + 1]
    return kept
