"""The proof: what the activities wrote, held against the history the engine kept. Pure.

An *attempt* is one try of one activity, ``(idempotency key, attempt number)``. The history says
which were scheduled and which are settled, and since when; the evidence says what ran. An attempt
that runs after it was settled is work done twice, the one thing that must never happen.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.spi import history as facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from evidence import Line

Attempt = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A worker that was killed, and when."""

    pid: int
    at_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The comparison, counted.

    Attributes:
        finished: Activities whose result is in the history.
        finished_before_kill: Those of them that had it when the worker was killed.
        repeated: Runs that began after their attempt was settled in the history.
        restarted: Runs that began again because the kill caught the first one in flight.
        uncommitted: Those of them that had come to their end, but their result not yet to the disk.
        retried: Attempts that failed, on purpose or not, and were tried again.
        lost: Attempts without an outcome, and outcomes that no activity wrote.
        resumed_after_ms: From the kill to the next begin in another process.
        timers_across: Durable timers set before the kill and fired after it.
        timer_late_ms: How late the latest of those fired.
        problems: What does not add up, in words; empty if the proof holds.
    """

    finished: int
    finished_before_kill: int
    repeated: int
    restarted: int
    uncommitted: int
    retried: int
    lost: int
    resumed_after_ms: float | None
    timers_across: int
    timer_late_ms: float
    problems: tuple[str, ...] = ()

    @property
    def resumed_after(self) -> str:
        """The time from the kill to the resume, in words."""
        ms = self.resumed_after_ms
        return "never" if ms is None else f"{ms / 1_000:.2f} s"

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, nothing done twice, and the kill hit in the middle."""
        return not self.problems


@dataclass(slots=True, kw_only=True)
class _Ledger:
    """The history, by attempt."""

    scheduled: dict[int, Attempt] = field(default_factory=dict)
    completed: dict[Attempt, int] = field(default_factory=dict)
    failed: dict[Attempt, int] = field(default_factory=dict)
    timers: dict[int, facts.TimerCreated] = field(default_factory=dict)
    fired: dict[int, int] = field(default_factory=dict)
    is_complete: bool = False

    def settled_at(self, attempt: Attempt) -> int | None:
        return self.completed.get(attempt, self.failed.get(attempt))


def compare(evidence: Sequence[Line], history: Iterable[facts.HistoryEvent], kill: Kill) -> Proof:
    """Hold the evidence against the history of the finished run."""
    ledger = _read(history)
    begins: dict[Attempt, list[Line]] = defaultdict(list)
    ends: dict[Attempt, list[Line]] = defaultdict(list)
    for line in evidence:
        (begins if line.phase == "begin" else ends)[line.key, line.attempt].append(line)

    repeats = [line for lines in begins.values() for line in lines if _is_repeat(line, ledger)]
    again = [line for lines in begins.values() for line in lines[1:] if line not in repeats]
    restarted = [line for line in again if _was_in_flight(begins[line.key, line.attempt][0], kill)]
    uncommitted = [
        line
        for line in restarted
        if any(end.pid == kill.pid for end in ends[line.key, line.attempt])
    ]
    attempts = set(ledger.scheduled.values())
    lost = {a for a in attempts if ledger.settled_at(a) is None} | {
        a for a in attempts if not ends[a]
    }
    unscheduled = begins.keys() - attempts
    resumed = min(
        (line.at_us for line in evidence if line.pid != kill.pid and line.at_us > kill.at_us),
        default=None,
    )
    crossing = [
        t for t in ledger.timers.values() if t.at_us < kill.at_us < ledger.fired.get(t.id, 0)
    ]
    before = sum(at_us < kill.at_us for at_us in ledger.completed.values())
    found = {
        f"{len(repeats)} ran again after having finished": repeats,
        f"{len(lost)} lost": lost,
        f"{len(again) - len(restarted)} started twice though no kill explains it": len(again)
        - len(restarted),
        f"{len(unscheduled)} ran that the history does not know": unscheduled,
        "the workflow did not complete": not ledger.is_complete,
        "the kill did not hit in the middle": not 0 < before < len(ledger.completed),
        "no work went on after the kill": resumed is None,
    }
    return Proof(
        finished=len(ledger.completed),
        finished_before_kill=before,
        repeated=len(repeats),
        restarted=len(restarted),
        uncommitted=len(uncommitted),
        retried=len(ledger.failed),
        lost=len(lost),
        resumed_after_ms=None if resumed is None else (resumed - kill.at_us) / 1_000,
        timers_across=len(crossing),
        timer_late_ms=max((ledger.fired[t.id] - t.fire_at_us for t in crossing), default=0) / 1_000,
        problems=tuple(words for words, is_found in found.items() if is_found),
    )


def in_flight(evidence: Iterable[Line]) -> set[Attempt]:
    """Return the attempts that began and have not come to an end."""
    open_: set[Attempt] = set()
    for line in evidence:
        (open_.add if line.phase == "begin" else open_.discard)((line.key, line.attempt))
    return open_


def _is_repeat(begin: Line, ledger: _Ledger) -> bool:
    settled_at = ledger.settled_at((begin.key, begin.attempt))
    return settled_at is not None and begin.at_us > settled_at


def _was_in_flight(first: Line, kill: Kill) -> bool:
    return first.pid == kill.pid and first.at_us <= kill.at_us


def _read(history: Iterable[facts.HistoryEvent]) -> _Ledger:
    ledger = _Ledger()
    run = ""
    for event in history:
        match event:
            case facts.WorkflowStarted():
                run = f"{event.instance_id}:{event.run_id}"
            case facts.ActivityScheduled():
                ledger.scheduled[event.id] = (f"{run}:{event.key_id or event.id}", event.attempt)
            case facts.ActivityCompleted():
                ledger.completed[ledger.scheduled[event.id]] = event.at_us
            case facts.ActivityFailed():
                ledger.failed[ledger.scheduled[event.id]] = event.at_us
            case facts.TimerCreated():
                ledger.timers[event.id] = event
            case facts.TimerFired():
                ledger.fired[event.id] = event.at_us
            case facts.Completed():
                ledger.is_complete = True
    return ledger
