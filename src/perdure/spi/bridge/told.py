"""What the commands in a vendor's history tell: what was asked for, by which step, and notes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError
from perdure.spi.bridge.messages import failed_step
from perdure.spi.bridge.notes import Note, decode_notes, merged
from perdure.spi.bridge.script import AnswerParent, ArmTimer, EndChildren, StartDetached
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.bridge.wire_operations import envelope_in, operation_of, read_payload
from perdure.spi.history import ActivityScheduled, ChildStarted, Completed, TimerCreated
from perdure.spi.journal import decode_event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.bridge.script import Awaited
    from perdure.spi.history import HistoryEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands under one of the vendor's numbers, and the step that asked for it."""

    operation: Awaited
    step: int


class Told:
    """All that the commands of one run tell.

    Attributes:
        asked: What was asked for, by the vendor's numbers.
        is_ours: Whether a perdure has run it, as far as the commands and notes show.
        last_step: The step that ended the run, where that is told.
        result: How the run returned, where its vendor could not be trusted with the result.
        first_timer: The vendor's number of the first timer.
    """

    def __init__(self, events: Iterable[VendorEvent], notes: Iterable[Note]) -> None:
        self.asked: dict[int, Asked] = {}
        self.is_ours = False
        self.last_step: int | None = None
        self.result: Completed | None = None
        self.first_timer: int | None = None
        self._notes: dict[int, Note] = {}
        self._commands: dict[int, list[ActivityScheduled | ChildStarted]] = defaultdict(list)
        self._known: set[int] = set()
        self._latest = 0
        self._take_notes(notes)
        for event in events:
            if event.kind is VendorKind.TIMER_CREATED:
                self._take_timer(event)
            elif event.kind is VendorKind.FAILED:
                step = failed_step(event.message)
                self.last_step = self.last_step if step is None else step
            elif event.kind in (VendorKind.ACTIVITY_SCHEDULED, VendorKind.CHILD_CREATED):
                self._take(event)

    def note(self, step: int) -> Note:
        """Return what is dark of a step."""
        return self._notes.get(step) or Note(step=step)

    def commands(self, step: int, *, at_us: int) -> dict[int, HistoryEvent]:
        """Return what a step asked for, by id: activities, children and timers."""
        note = self.note(step)
        asked = [*self._commands.get(step, ()), *_untold_commands(note)]
        commands: dict[int, HistoryEvent] = {c.id: replace(c, at_us=at_us) for c in asked}
        for id, fire_at_us in note.timers:
            commands[id] = TimerCreated(at_us=at_us, id=id, fire_at_us=fire_at_us)
        return commands

    def forget(self, ids: Iterable[int]) -> None:
        """Take no more account of commands that a run before has asked for."""
        old = set(ids)
        for commands in self._commands.values():
            commands[:] = [command for command in commands if command.id not in old]

    def _take(self, event: VendorEvent) -> None:
        value = read_payload(event.payload)
        envelope = envelope_in(value)
        operation = operation_of(event, value)
        step = self._latest
        if envelope is not None:
            self.is_ours = True
            step = _step_in(envelope)
            self._take_notes(_notes_from(envelope.get("notes", ())))
        self._latest = max(self._latest, step)
        self.asked[event.id] = Asked(operation=operation, step=step)
        if isinstance(operation, AnswerParent) or (
            # One that ends nobody only carries notes.
            isinstance(operation, EndChildren) and operation.instance_ids
        ):
            self.last_step = step
        command = operation.child if isinstance(operation, StartDetached) else operation
        # It may be asked for again, by a later step.
        if isinstance(command, ActivityScheduled | ChildStarted) and command.id not in self._known:
            self._known.add(command.id)
            self._commands[step].append(command)

    def _take_timer(self, event: VendorEvent) -> None:
        notes = _notes_from(read_payload(event.name))
        self._take_notes(notes)
        # Its own step stands nowhere. It was asked for behind all that history has before it.
        self._latest = max([self._latest, *(note.step for note in notes)])
        arm = ArmTimer(deadline_us=event.fire_at_us or event.at_us)
        self.asked[event.id] = Asked(operation=arm, step=self._latest)
        if self.first_timer is None:
            self.first_timer = event.id

    def _take_notes(self, notes: Iterable[Note]) -> None:
        for note in notes:
            self.is_ours = True
            known = self._notes.get(note.step)
            self._notes[note.step] = note if known is None else merged(known, note)
            if note.ends:
                self.last_step = note.step
            ends = [entry for entry in _untold_entries(note) if isinstance(entry, Completed)]
            self.result = ends[0] if ends else self.result


def _untold_entries(note: Note) -> list[HistoryEvent]:
    """Return the entries that a note holds whole; what cannot be read of them is left out."""
    entries: list[HistoryEvent] = []
    for line in note.entries:
        try:
            entries.append(decode_event(line))
        except PayloadError:
            continue
    return entries


def _untold_commands(note: Note) -> list[ActivityScheduled | ChildStarted]:
    entries = _untold_entries(note)
    return [entry for entry in entries if isinstance(entry, ActivityScheduled | ChildStarted)]


def _step_in(envelope: dict[str, Any]) -> int:
    step = envelope.get("s", 0)
    return step if isinstance(step, int) else 0


def _notes_from(data: Any) -> list[Note]:
    try:
        return decode_notes(data) if isinstance(data, list) else []
    except ValueError:
        return []
