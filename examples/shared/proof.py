"""The proof: what the tools and the scripted model wrote, held against the history. Pure.

A *call* is one request to the model or one call of a tool. What was finished before the kill, and
had its result in the history, must not be called again; what was called must have its result there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.spi import history as facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from examples.shared.crew import Kill
    from examples.shared.journal import Line
    from perdure.testing.scripted_model import RequestRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that began. ``key`` is the same for the same call, however often it is made."""

    key: str
    is_finished: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What there is to know of the calls of one kind.

    Attributes:
        at_kill: The calls that had begun when the worker was killed, in order, as they stood then.
        at_end: All calls, the same first.
        results: When each result came into the history.
    """

    at_kill: Sequence[Call]
    at_end: Sequence[Call]
    results: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """The comparison, counted.

    Attributes:
        calls: Different calls that were made, of models and of tools.
        finished_before_kill: Those of them that had ended when the worker was killed.
        repeated: Calls made again though their result was in the history.
        restarted: Calls made again since the kill caught the first one in flight, ...
        uncommitted: ... and those of them that had ended, but their result not yet been stored.
        lost: Calls without a result in the history, and results that no call has made.
        resumed_after_seconds: From the kill to the first call of the next worker.
        problems: What does not add up, in words; empty if the proof holds.
    """

    calls: int
    finished_before_kill: int
    repeated: int
    restarted: int
    uncommitted: int
    lost: int
    resumed_after_seconds: float | None
    problems: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, nothing done twice, and the kill hit in the middle."""
        return not self.problems


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    calls: int
    finished_before_kill: int
    repeated: int
    restarted: int
    uncommitted: int
    lost: int


def calls_of_tools(lines: Sequence[Line]) -> list[Call]:
    """Return the calls of a journal, in the order in which they began."""
    ended = {(line.key, line.pid) for line in lines if line.phase == "end"}
    return [
        Call(key=line.key, is_finished=(line.key, line.pid) in ended)
        for line in lines
        if line.phase == "begin"
    ]


def calls_of_models(records: Iterable[RequestRecord]) -> list[Call]:
    """Return the requests of a scripted model's log, in the order in which they came."""
    return [
        Call(
            key=f"{record.model} {record.digest}",
            is_finished=record.outcome == "answer" and record.sent,
        )
        for record in records
    ]


def results_of(history: Iterable[facts.HistoryEvent], names: frozenset[str]) -> list[int]:
    """Return when each result of the activities of these names came into the history."""
    scheduled: set[int] = set()
    results = []
    for event in history:
        match event:
            case facts.ActivityScheduled() if event.name in names:
                scheduled.add(event.id)
            case facts.ActivityCompleted() if event.id in scheduled:
                results.append(event.at_us)
    return results


def compare(parts: Iterable[Part], kill: Kill, resumed_after_seconds: float | None) -> Proof:
    """Hold what was written against the history of the finished run."""
    counts = [_count(part, kill) for part in parts]
    calls = sum(each.calls for each in counts)
    before = sum(each.finished_before_kill for each in counts)
    repeated = sum(each.repeated for each in counts)
    lost = sum(each.lost for each in counts)
    found = {
        f"{repeated} called again after having finished": repeated,
        f"{lost} lost": lost,
        "the kill did not hit in the middle": not 0 < before < calls,
        "nothing was called after the kill": resumed_after_seconds is None,
    }
    return Proof(
        calls=calls,
        finished_before_kill=before,
        repeated=repeated,
        restarted=sum(each.restarted for each in counts),
        uncommitted=sum(each.uncommitted for each in counts),
        lost=lost,
        resumed_after_seconds=resumed_after_seconds,
        problems=tuple(words for words, is_found in found.items() if is_found),
    )


def _count(part: Part, kill: Kill) -> _Counts:
    begun = {call.key for call in part.at_kill}
    finished = {call.key for call in part.at_kill if call.is_finished}
    later = part.at_end[len(part.at_kill) :]
    again = [call for call in later if call.key in begun]
    suspects = sum(call.key in finished for call in again)
    # A call may end and its worker die before the result is stored: that one must be made again.
    stored = sum(at_us <= kill.at_us for at_us in part.results)
    uncommitted = min(suspects, max(len(finished) - stored, 0))
    repeated = suspects - uncommitted + _twice(part.at_kill) + _twice(later)
    ended = {call.key for call in part.at_end if call.is_finished}
    return _Counts(
        calls=len(begun | {call.key for call in later}),
        finished_before_kill=len(finished),
        repeated=repeated,
        restarted=len(again) - (suspects - uncommitted),
        uncommitted=uncommitted,
        lost=abs(len(ended) - len(part.results)),
    )


def _twice(calls: Sequence[Call]) -> int:
    """Return how many calls were made again by a worker that was not killed in between."""
    ended: set[str] = set()
    number = 0
    for call in calls:
        number += call.key in ended
        if call.is_finished:
            ended.add(call.key)
    return number
