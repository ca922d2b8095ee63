"""For authors of backends: the seam, the neutral history and the values that cross it.

Versioned by ``SPI_VERSION``. The kinds of history events are in :mod:`perdure.spi.history`, what a
plugin can offer in :mod:`perdure.spi.hookspecs`.
"""

from __future__ import annotations

from perdure.spi.backend import (
    SPI_VERSION,
    Backend,
    BackendFactory,
    BackendWorker,
    Capability,
    Health,
    InstanceFilter,
    InstancePage,
    StartRequest,
)
from perdure.spi.history import CANCEL_EVENT, EXECUTION_DEADLINE_ID, HistoryEvent, Outcome
from perdure.spi.journal import (
    JOURNAL_VERSION,
    decode_event,
    decode_journal,
    encode_event,
    encode_journal,
)
from perdure.spi.program import ActivityOutcome, ActivityTask, Executor, Program

__all__ = [
    "CANCEL_EVENT",
    "EXECUTION_DEADLINE_ID",
    "JOURNAL_VERSION",
    "SPI_VERSION",
    "ActivityOutcome",
    "ActivityTask",
    "Backend",
    "BackendFactory",
    "BackendWorker",
    "Capability",
    "Executor",
    "Health",
    "HistoryEvent",
    "InstanceFilter",
    "InstancePage",
    "Outcome",
    "Program",
    "StartRequest",
    "decode_event",
    "decode_journal",
    "encode_event",
    "encode_journal",
]
