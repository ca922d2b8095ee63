"""The script of a run: what was asked of the SDK, step by step, so that it can be asked again.

An SDK hands a fresh generator the whole history with every work item, and expects the same calls
in the same order. A run that is kept in memory reads them from its script; the user's code does
not run again.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.spi.bridge.messages import EVENT_CHANNEL
from perdure.spi.history import ActivityScheduled, ChildStarted, HistoryEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.history import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTimer:
    """Ask the vendor for a timer."""

    deadline_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Wait for the next vendor event of a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """Set the custom status."""

    json_text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndChildren:
    """Have children terminated, by an activity that the backend brings."""

    instance_ids: tuple[str, ...]


Awaited = ActivityScheduled | ChildStarted | ArmTimer | Listen | EndChildren
"""What is asked of the SDK and answered by it."""

Operation = Awaited | ShowStatus
"""What is asked of the SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(HistoryEvent):
    """No input of a workflow: time went by, or somebody had the instance looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One input and what came of it.

    Attributes:
        cause: What was answered; ``None`` for the start.
        answer: What the SDK gave as the answer, to know it again; ``None`` where it takes a look at
            the event.
        event: The input; a :class:`Looked` where there is none.
        entries: What the executor recorded.
        operations: What to ask of the SDK.
        outcome: How the run ended.
        last: The operation to be answered before the run is ended.
    """

    cause: Awaited | None
    answer: object
    event: HistoryEvent
    entries: Sequence[HistoryEvent]
    operations: Sequence[Operation]
    outcome: Outcome | None = None
    last: Awaited | None = None


class Open:
    """What a run has asked of the SDK and would otherwise ask for twice."""

    def __init__(self, steps: Iterable[Step] = ()) -> None:
        self._deadlines: list[int] = []
        self._names: set[str] = set()
        self.custom_status: str | None = None
        self.children_started_at_us = -1
        for step in steps:
            self.answered(step.cause)
            self.asked(step.operations, at_us=step.event.at_us)

    def answered(self, operation: Awaited | None) -> None:
        """Note that an operation is done."""
        if isinstance(operation, ArmTimer):
            self._deadlines.remove(operation.deadline_us)
            heapq.heapify(self._deadlines)
        elif isinstance(operation, Listen):
            self._names.discard(operation.name)

    def asked(self, operations: Iterable[Operation], *, at_us: int) -> None:
        """Note what was asked for."""
        for operation in operations:
            if isinstance(operation, ArmTimer):
                heapq.heappush(self._deadlines, operation.deadline_us)
            elif isinstance(operation, Listen):
                self._names.add(operation.name)
            elif isinstance(operation, ShowStatus):
                self.custom_status = operation.json_text
            elif isinstance(operation, ChildStarted):
                self.children_started_at_us = at_us

    def timer_for(self, deadline_us: int | None) -> list[Operation]:
        """Return the timer to arm for the earliest deadline; none if one will fire by then."""
        if deadline_us is None or (self._deadlines and self._deadlines[0] <= deadline_us):
            return []
        return [ArmTimer(deadline_us=deadline_us)]

    def waits_for(self, names: Iterable[str]) -> list[Operation]:
        """Return the waits to begin: for the channel, and for names nobody listens to yet."""
        return [Listen(name=n) for n in (EVENT_CHANNEL, *names) if n not in self._names]
