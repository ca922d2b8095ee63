"""Cases: a program, and numbers that choose what happens to it; and the journal that comes of it.

What is open decides what can happen next, so a case means the same in every process and under every
version of Python. Only the standard library and the replay core are imported.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from perdure._replay import WorkflowExecutor
from perdure.spi.history import (
    CANCEL_EVENT,
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    EventReceived,
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    WorkflowStarted,
)
from perdure.spi.journal import decode_journal, encode_journal
from perdure.types import Failure
from tests.replay.program_machine import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from perdure._replay import WorkflowDefinition

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
EVENT_NAMES = ("go", "stop")
_FINISHING_STEPS = 150
_LONG_US = 100 * SECOND_US
_CANCEL_EVERY = 41
_HOLD_EVERY = 29


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One program and what happens to it.

    Attributes:
        choices: Each picks one of what is possible at that moment.
        journal: What has happened already, as text; the choices then begin after it.
    """

    program: list[Any]  # JSON
    choices: list[int]
    journal: str = ""

    def to_json(self) -> str:
        """Return the case as one line."""
        return json.dumps([self.program, self.choices, self.journal])

    @classmethod
    def from_json(cls, line: str) -> Case:
        """Return the case of a line."""
        program, choices, journal = json.loads(line)
        return cls(program=program, choices=choices, journal=journal)


@dataclass(slots=True)
class Play:
    """An executor in the course of what happens to it, with the journal so far.

    Attributes:
        given: Each input with the length of the journal before it; an instant is time that passed.
    """

    executor: WorkflowExecutor
    journal: list[HistoryEvent] = field(default_factory=list)
    given: list[tuple[int, HistoryEvent | int]] = field(default_factory=list)

    def give(self, what: HistoryEvent | int) -> list[HistoryEvent]:
        """Deliver one input, or let time pass; return what came of it."""
        self.given.append((len(self.journal), what))
        give = self.executor.advance if isinstance(what, int) else self.executor.deliver
        entries = give(what)  # type: ignore[arg-type]  # each gets its kind
        self.journal += entries
        return entries

    def snapshot(self) -> list[Any]:
        """Return all that a host can ask the executor."""
        executor = self.executor
        return [
            executor.outcome,
            executor.open_activities(),
            executor.open_children(),
            executor.open_waits(),
            executor.next_deadline_us(),
            executor.custom_status_json,
            executor.now_us,
        ]


def started(program: list[Any]) -> WorkflowStarted:
    """Return how a case begins. Nothing in it depends on the process or its versions."""
    return WorkflowStarted(
        at_us=START_US,
        instance_id="case",
        run_id="run",
        workflow=PROGRAM.name,
        arguments=json.dumps({"body": program}),
        seed="seed",
        patches=(),
        execution_deadline_us=START_US + 500 * SECOND_US,
    )


def begin(case: Case) -> Play:
    """Return the play of a case, at its start or at the end of its journal."""
    if case.journal:
        entries = decode_journal(case.journal)
        return Play(WorkflowExecutor.rebuild(PROGRAM, entries), entries)
    play = Play(WorkflowExecutor(PROGRAM))
    play.give(started(case.program))
    return play


def possible(play: Play, choice: int) -> list[Callable[[], object]]:
    """Return what can happen now, in an order that depends on the executor alone."""
    executor, now_us = play.executor, play.executor.now_us
    # Often in the same instant, sometimes later, so that timers come due with it.
    at_us = now_us + (0, 0, SECOND_US, 7 * SECOND_US)[choice // 7 % 4]
    events: list[HistoryEvent] = []
    for activity in executor.open_activities():
        number = activity.id
        events.append(ActivityCompleted(at_us=at_us, id=number, result=json.dumps(number)))
        events.append(ActivityFailed(at_us=at_us, id=number, failure=_failure(number)))
    for child in executor.open_children():
        events.append(ChildCompleted(at_us=at_us, id=child.id, result='"done"'))
        events.append(ChildFailed(at_us=at_us, id=child.id, failure=_failure(child.id)))
    names = [*executor.open_waits(), *EVENT_NAMES]
    events += [EventReceived(at_us=at_us, name=n, payload=str(choice % 100)) for n in names]
    if choice % _CANCEL_EVERY == 0:
        events = [EventReceived(at_us=at_us, name=CANCEL_EVENT, payload="null")]
    if choice % _HOLD_EVERY == 0:
        events = [Suspended(at_us=at_us), Resumed(at_us=at_us)]
    deeds = [_deed(play, event) for event in events]
    deadline_us = executor.next_deadline_us()
    if deadline_us is not None and choice % _CANCEL_EVERY:
        deeds[1:1] = [lambda: play.give(deadline_us)] * 2
    return deeds


def _deed(play: Play, event: HistoryEvent) -> Callable[[], object]:
    return lambda: play.give(event)


def _failure(number: int) -> Failure:
    return Failure(type="ValueError", message=f"attempt {number}", bases=("Exception",))


def go_on(play: Play, choices: Iterable[int]) -> None:
    """Let one thing after the other happen, until the run has ended."""
    for choice in choices:
        if play.executor.outcome is not None:
            return
        deeds = possible(play, choice)
        deeds[choice % len(deeds)]()


def finish(play: Play) -> None:
    """Complete whatever is open, until the run ends or for so many steps."""
    executor = play.executor
    for _ in range(_FINISHING_STEPS):
        deadline_us = executor.next_deadline_us()
        if executor.outcome is not None:
            return
        is_soon = deadline_us is not None and deadline_us < executor.now_us + _LONG_US
        if executor.open_activities() or executor.open_children() or not is_soon:
            possible(play, 1)[0]()
        elif deadline_us is not None:
            play.give(deadline_us)


def play_case(case: Case) -> Play:
    """Play a case to its end."""
    play = begin(case)
    go_on(play, case.choices)
    finish(play)
    return play


def check_prefixes(definition: WorkflowDefinition, play: Play) -> Iterator[Play]:
    """Rebuild strictly at every input, let the rest happen again, and compare the journals.

    Yields each of these plays before it is closed.
    """
    journal = play.journal
    cuts = [i for i, entry in enumerate(journal) if not entry.is_command and i]
    for cut in [*cuts, len(journal)]:
        prefix = journal[:cut]
        again = Play(WorkflowExecutor.rebuild(definition, prefix, strict=True), list(prefix))
        try:
            for what in _rest(play, cut):
                again.give(what)
            was, is_now = normal_text(journal), normal_text(again.journal)
            assert was == is_now, f"{was}\n\nbut from entry {cut}:\n\n{is_now}"
            yield again
        finally:
            again.executor.close()


def _rest(play: Play, cut: int) -> list[HistoryEvent | int]:
    """Return the inputs after ``cut``, and the one it falls into, whose timers fired before it."""
    ends = [start for start, _ in play.given[1:]] + [len(play.journal)]
    pairs = zip(play.given, ends, strict=True)
    return [what for (start, what), end in pairs if start >= cut or end > cut]


def normal_text(journal: Iterable[HistoryEvent]) -> str:
    """Return a journal's text without what no replay depends on: tracebacks and causes."""
    return encode_journal(
        replace(entry, failure=replace(entry.failure, traceback="", cause=None))
        if isinstance(entry, Failed)
        else entry
        for entry in journal
    )


def digest(journal: Iterable[HistoryEvent]) -> str:
    """Return what two journals have in common if they are the same."""
    return hashlib.sha256(normal_text(journal).encode()).hexdigest()
