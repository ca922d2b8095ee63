"""A run retold: what an SDK hands to the bridge, gone through once more without the code."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import NonDeterminismError, PayloadError
from perdure.spi.bridge.arrivals import input_of
from perdure.spi.bridge.channel import EVENT_CHANNEL
from perdure.spi.bridge.envelope import StartEnvelope, raw_text
from perdure.spi.bridge.hearing import Hearing
from perdure.spi.bridge.notes import INPUT
from perdure.spi.bridge.openings import Opening, derived_id
from perdure.spi.bridge.script import Listen, Looked
from perdure.spi.bridge.told_ends import continued_told, end_told, next_told, reason_told
from perdure.spi.bridge.vendor_answers import Answer
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.bridge.wire_operations import read_payload
from perdure.spi.history import (
    BufferedEvent,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    TimerFired,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure.spi.bridge.openings import Prefix
    from perdure.spi.bridge.script import Awaited
    from perdure.spi.bridge.told import Told
    from perdure.spi.history import Outcome

_CHANNEL = Listen(name=EVENT_CHANNEL)


def opening_of(event: VendorEvent, *, at_us: int) -> Opening:
    """Return the beginning of the run whose start is told; a damaged input is taken as it is."""
    value = read_payload(event.payload)
    try:
        return Opening.read(value, instance_id=event.instance_id, workflow=event.name, at_us=at_us)
    except PayloadError:
        run_id = derived_id(event.instance_id, str(at_us), event.payload or "")
        start = StartEnvelope(run_id=run_id, seed=run_id, arguments=raw_text(value))
        return Opening(instance_id=event.instance_id, workflow=event.name, at_us=at_us, start=start)


class Retold:
    """Takes a run's vendor events, and counts its steps and makes its journal of them.

    Attributes:
        journal: What the executor has recorded so far.
    """

    def __init__(self, told: Told) -> None:
        self.journal: list[HistoryEvent] = []
        self._told = told
        self._opening: Opening | None = None
        self._hearing = Hearing("")
        self._step_number = 0
        self._answered: set[int] = set()
        self._timers: set[int] = set()
        self._raised: dict[str, deque[VendorEvent]] = defaultdict(deque)
        self._early: list[BufferedEvent] | None = None
        self._held: list[VendorEvent] | None = None
        self._turn_us = 0
        self._clock_us = 0
        self._now_us = 0
        self._last_entry = 0
        self._has_ended = False

    def take(self, event: VendorEvent) -> None:
        """Take the next event of the history."""
        if event.kind is VendorKind.TURN:
            self._turn_us = event.at_us
        elif event.kind is VendorKind.TIMER_CREATED:
            self._timers.add(event.id)
        if self._held is not None and event.kind not in _NEVER_HELD:
            self._held.append(event)
        elif (handler := _HANDLERS.get(event.kind)) is not None:
            handler(self, event)

    @property
    def _is_over(self) -> bool:
        last_step = self._told.last_step
        return self._has_ended or (last_step is not None and self._step_number > last_step)

    # -- what an SDK is fed -----------------------------------------------------------------------

    def _turned(self, event: VendorEvent) -> None:
        self._clock_us = event.at_us

    def _started(self, event: VendorEvent) -> None:
        self._opening = opening = opening_of(event, at_us=self._clock_us or event.at_us)
        self._hearing = Hearing(opening.instance_id, opening.start.heard)
        start_at_us = opening.start.start_at_us
        if start_at_us is not None and start_at_us > opening.at_us:
            self._early = []
        else:
            self._begin(opening)
        while (waiting := self._raised[EVENT_CHANNEL]) and not self._is_over:
            self._heard(waiting.popleft())

    def _begin(self, opening: Opening) -> None:
        prefix = _prefix_of(opening)
        if prefix is None:
            self._step(opening.started())
        else:
            self._begin_again(prefix, at_us=opening.at_us)
        for event in opening.start.pending:
            if not self._is_over:
                self._step(
                    EventReceived(at_us=opening.at_us, name=event.name, payload=event.payload)
                )
        self._hear_others()

    def _begin_again(self, prefix: Prefix, *, at_us: int) -> None:
        self.journal += prefix.journal
        self._now_us = [e.at_us for e in prefix.journal if not e.is_command][-1]
        self._told.forget(entry.id for entry in prefix.journal if hasattr(entry, "id"))
        again = prefix.again
        self._step(Looked(at_us=at_us) if again is None else replace(again, at_us=at_us))

    def _was_answered(self, event: VendorEvent) -> None:
        asked = self._told.asked.get(event.id)
        if asked is None or event.id in self._answered or self._opening is None:
            return
        if event.kind is VendorKind.TIMER_FIRED and event.id not in self._timers:
            return  # that of a work item whose answer was lost
        if self._early is not None and event.id == self._told.first_timer:
            self._answered.add(event.id)
            opening = self._opening = self._opening.begun(at_us=self._clock_us, pending=self._early)
            self._early = None
            self._begin(opening)
        elif asked.step < self._step_number and not self._is_over:
            self._answered.add(event.id)
            self._arrived(asked.operation, event)

    def _was_raised(self, event: VendorEvent) -> None:
        name = event.name.casefold()
        if name == EVENT_CHANNEL and self._opening is not None:
            self._heard(event)
        else:
            self._raised[name].append(event)
            self._hear_others()

    def _heard(self, event: VendorEvent) -> None:
        if self._early is not None:
            early = self._hearing.event(_CHANNEL, Answer(event))
            if early is not None:
                self._early.append(early)
        elif not self._is_over:
            self._arrived(_CHANNEL, event)

    def _hear_others(self) -> None:
        """Take events that were raised by their own name, for as long as the next step has one."""
        while not self._is_over and self._opening is not None and self._early is None:
            name = self._told.note(self._step_number).event
            if name is None or not self._raised[name.casefold()]:
                return
            payload = raw_text(read_payload(self._raised[name.casefold()].popleft().payload))
            self._step(EventReceived(at_us=self._clock_us, name=name, payload=payload))

    # -- the steps --------------------------------------------------------------------------------

    def _arrived(self, operation: Awaited, event: VendorEvent) -> None:
        assert self._opening is not None
        answer = Answer(event)
        try:
            taken = input_of(
                operation,
                answer,
                at_us=self._clock_us,
                instance_id=self._opening.instance_id,
                run_id=self._opening.start.run_id,
                position=self._step_number,
            )
        except NonDeterminismError:
            taken = Looked(at_us=self._clock_us)
        if self._hearing.has_heard(operation, answer):
            taken = Looked(at_us=self._clock_us)
        self._step(taken)
        self._hear_others()

    def _step(self, event: HistoryEvent) -> None:
        number, at_us = self._step_number, max(event.at_us, self._now_us)
        self._step_number += 1
        source = None if isinstance(event, Looked) else replace(event, at_us=at_us)
        entries = list(self._entries(number, source, at_us=at_us))
        if entries:
            self._now_us = at_us
            self.journal += entries
            self._last_entry = len(self.journal)

    def _entries(
        self, number: int, source: HistoryEvent | None, *, at_us: int
    ) -> Iterator[HistoryEvent]:
        commands = self._told.commands(number, at_us=at_us)
        usual = [*([] if source is None else [INPUT]), *sorted(commands)]
        order = self._told.note(number).order
        for token in usual if order is None else order:
            if token < INPUT:
                yield TimerFired(at_us=at_us, id=-1 - token)
            elif token == INPUT:
                if source is not None:
                    yield source
            elif token in commands:
                yield commands[token]

    # -- what the server does -------------------------------------------------------------------

    def _suspended(self, event: VendorEvent) -> None:
        self._held = []
        at_us = max(self._now_us, self._turn_us)
        self.journal.append(Suspended(at_us=at_us, reason=reason_told(event)))

    def _resumed(self, event: VendorEvent) -> None:
        if self._held is None:
            return
        held, self._held = self._held, None
        # What came meanwhile is handed over at the instants at which it came. Instants of a journal
        # never go back, so the release is told at the first of them.
        turns = [each.at_us for each in held if each.kind is VendorKind.TURN]
        at_us = max(self._now_us, min([self._turn_us, *turns]))
        self.journal.append(Resumed(at_us=at_us, reason=reason_told(event)))
        for each in held:
            if each.kind is not VendorKind.SUSPENDED:
                self.take(each)

    def _terminated(self, event: VendorEvent) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        at_us = max(self._now_us, self._turn_us)
        self.journal.append(Terminated(at_us=at_us, reason=reason_told(event)))

    def _ended(self, event: VendorEvent) -> None:
        self._end(self._told.result or end_told(event, at_us=self._now_us))

    def _continued(self, event: VendorEvent) -> None:
        start = next_told(event)
        if start is None or self._opening is None:
            return
        if start.run_id == self._opening.start.run_id:
            self.journal.clear()  # begun once more, with its patches
        else:
            self._end(continued_told(start, at_us=self._now_us))

    def _end(self, outcome: Outcome) -> None:
        if self.journal and isinstance(self.journal[-1], Terminated):
            del self.journal[-1]  # it came too late
        self._has_ended = True
        self.journal.insert(self._last_entry, outcome)


def _prefix_of(opening: Opening) -> Prefix | None:
    try:
        return opening.prefix()
    except PayloadError:
        return None


_NEVER_HELD = frozenset(
    {
        VendorKind.RESUMED,
        VendorKind.TERMINATED,
        VendorKind.COMPLETED,
        VendorKind.FAILED,
        VendorKind.CONTINUED,
    }
)

_HANDLERS: dict[VendorKind, Callable[[Retold, VendorEvent], None]] = {
    VendorKind.TURN: Retold._turned,
    VendorKind.STARTED: Retold._started,
    VendorKind.ACTIVITY_COMPLETED: Retold._was_answered,
    VendorKind.ACTIVITY_FAILED: Retold._was_answered,
    VendorKind.CHILD_COMPLETED: Retold._was_answered,
    VendorKind.CHILD_FAILED: Retold._was_answered,
    VendorKind.TIMER_FIRED: Retold._was_answered,
    VendorKind.EVENT: Retold._was_raised,
    VendorKind.SUSPENDED: Retold._suspended,
    VendorKind.RESUMED: Retold._resumed,
    VendorKind.TERMINATED: Retold._terminated,
    VendorKind.COMPLETED: Retold._ended,
    VendorKind.FAILED: Retold._ended,
    VendorKind.CONTINUED: Retold._continued,
}
