"""The projection: the journal of a run, from the history that a vendor's server keeps of it.

What the executor recorded is found again entry for entry: the inputs in the order in which an SDK
hands them over, the commands in what they carry, the rest in notes. How a run ended is told once
the server has it. Where somebody else's code ran, the journal is as much of one as can be known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.bridge.foreign_history import foreign_journal
from perdure.spi.bridge.retold import Retold
from perdure.spi.bridge.told import Told
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.bridge.wire_operations import envelope_in, read_payload

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.bridge.notes import Note
    from perdure.spi.history import HistoryEvent

__all__ = ["VendorEvent", "VendorKind", "project"]


def project(events: Iterable[VendorEvent], notes: Iterable[Note] = ()) -> list[HistoryEvent]:
    """Return the journal of a run. Never raises for what stands in a history.

    A run that has not begun, since it is to start later, has none.

    Args:
        events: The history of the instance, oldest first; of several runs, the last is told of.
        notes: Those of the custom status that the instance shows.
    """
    history = _last_run(list(events))
    told = Told(history, notes)
    start = next((event for event in history if event.kind is VendorKind.STARTED), None)
    if start is None:
        return []
    if not told.is_ours and envelope_in(read_payload(start.payload)) is None:
        return foreign_journal(history)
    retold = Retold(told)
    for event in history:
        retold.take(event)
    return retold.journal


def _last_run(events: list[VendorEvent]) -> Sequence[VendorEvent]:
    starts = [at for at, event in enumerate(events) if event.kind is VendorKind.STARTED]
    if len(starts) < 2:
        return events
    ends = [at for at, event in enumerate(events[: starts[-1]]) if event.kind in _ENDS]
    return events[ends[-1] + 1 :] if ends else events[starts[-1] :]


_ENDS = (VendorKind.CONTINUED, VendorKind.COMPLETED, VendorKind.FAILED, VendorKind.TERMINATED)
