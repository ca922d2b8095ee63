"""The script of a run: what was asked of the SDK, step by step, so that it can be asked again.

An SDK hands a fresh generator the whole history with every work item, and expects the same calls
in the same order. A run that is kept in memory reads them from its script; the user's code does
not run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.spi.bridge.channel import EVENT_CHANNEL
from perdure.spi.history import ActivityScheduled, ChildStarted, HistoryEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.bridge.notes import Note
    from perdure.spi.history import Outcome
    from perdure.types import ParentLink


_OVERDUE_US = 5_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTimer:
    """Ask the vendor for a timer."""

    deadline_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDetached:
    """Have a child started that the vendor does not know as one, by an activity."""

    child: ChildStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerParent:
    """Have the parent told how this child ended, by an activity."""

    parent: ParentLink
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Wait for the next vendor event of a name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStatus:
    """Set the custom status; ``None`` takes away what was shown."""

    json_text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndChildren:
    """Have children terminated, by an activity that the backend brings."""

    instance_ids: tuple[str, ...]


Carrier = ActivityScheduled | ChildStarted | StartDetached | ArmTimer | EndChildren | AnswerParent
"""What can carry notes into the vendor's history."""

Awaited = Carrier | Listen
"""What is asked of the SDK and answered by it."""

Operation = Awaited | ShowStatus
"""What is asked of the SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked(HistoryEvent):
    """No input of a workflow: time went by, or somebody had the instance looked at.

    Attributes:
        wakes: Whether what a worker has refused is to be asked for again.
        again: The command to ask for again, since what came for it is not its answer.
        refusal: Why a worker would not run that command, if that is what came.
    """

    wakes: bool = False
    again: int = 0
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One input and what came of it.

    Attributes:
        cause: What was answered; ``None`` for the start.
        answer: What the SDK gave as the answer, to know it again; ``None`` where it takes a look at
            the event.
        event: The input; a :class:`Looked` where there is none.
        entries: What the executor recorded.
        kept: How many of the entries a rerun had before.
        operations: What to ask of the SDK.
        outcome: How the run ended.
        closing: The operations to be answered before the run is ended.
        note: What is dark of this step.
        carrier: The operation that carries notes.
        carried: Those notes.
    """

    cause: Awaited | None
    answer: object
    event: HistoryEvent
    entries: Sequence[HistoryEvent]
    operations: Sequence[Operation]
    kept: int = 0
    outcome: Outcome | None = None
    closing: tuple[Awaited, ...] = ()
    note: Note | None = None
    carrier: Carrier | None = None
    carried: tuple[Note, ...] = ()


class Open:
    """What a run has asked of the SDK and would otherwise ask for twice, and what it must show.

    Attributes:
        shown: The custom status as it is on the wire.
        children_started_at_us: The instant of the last step that started a child.
        notes: What nothing has carried yet.
        refused: The commands that a worker would not run, with its reason, by their ids.
    """

    def __init__(self, steps: Iterable[Step] = (), *, shown: str | None = None) -> None:
        self._deadlines: list[int] = []
        self._names: set[str] = set()
        self.shown = shown
        self.children_started_at_us = -1
        self.notes: list[Note] = []
        self.refused: dict[int, tuple[ActivityScheduled, str]] = {}
        for step in steps:
            self.took(step)

    def took(self, step: Step) -> None:
        """Note all that a step has changed."""
        self.answered(step.cause, step.event)
        self.asked(step.operations, at_us=step.event.at_us)
        self.noted(step.note, step.carrier)

    def answered(self, operation: Awaited | None, event: HistoryEvent) -> None:
        """Note that an operation is done, and what its answer says."""
        if isinstance(operation, ArmTimer):
            self._deadlines.remove(operation.deadline_us)
        elif isinstance(operation, Listen):
            self._names.discard(operation.name)
        if isinstance(event, Looked):
            if event.wakes:
                self.refused.clear()
            elif event.refusal is not None and isinstance(operation, ActivityScheduled):
                self.refused[operation.id] = (operation, event.refusal)

    def asked(self, operations: Iterable[Operation], *, at_us: int) -> None:
        """Note what was asked for."""
        for operation in operations:
            if isinstance(operation, ArmTimer):
                self._deadlines.append(operation.deadline_us)
            elif isinstance(operation, Listen):
                self._names.add(operation.name)
            elif isinstance(operation, ShowStatus):
                self.shown = operation.json_text
            elif isinstance(operation, ChildStarted | StartDetached):
                self.children_started_at_us = at_us

    def noted(self, note: Note | None, carrier: Carrier | None) -> None:
        """Note what is dark of a step, and whether it is carried."""
        if note is not None:
            self.notes.append(note)
        if carrier is not None:
            self.notes.clear()

    def timer_for(self, deadline_us: int | None, *, now_us: int) -> list[Operation]:
        """Return the timer to arm for the earliest deadline; none if one will fire by then."""
        if deadline_us is None:
            return []
        # One that is long overdue may have been lost by the server.
        earliest_us = now_us - _OVERDUE_US
        if any(earliest_us <= armed_us <= deadline_us for armed_us in self._deadlines):
            return []
        return [ArmTimer(deadline_us=deadline_us)]

    def waits_for(self, names: Iterable[str]) -> list[Operation]:
        """Return the waits to begin: for the channel, and for names nobody listens to yet."""
        return [Listen(name=n) for n in (EVENT_CHANNEL, *names) if n not in self._names]
