"""What the activities' own record says: what ran again, and whether it should have.

An operation is a pair (idempotency key, attempt). A line that begins one names the operations whose
results its workflow had seen by then, so those results were durable. A repetition is one of these:

* *after its result was durable*: never right;
* *with its worker alive*: it had ended, and the process that ran it lived on: never right where
  workers keep a record of results;
* *in doubt*: it had ended, and the process that ran it was killed at once, before anybody could
  have heard of it: right;
* *long in doubt*: it had ended, and the process that ran it was killed a good while later: never
  right where workers keep a record of results, for that outlives them;
* *at once*: it still ran in a process that lived: never right;
* *after being cut short*: its process was killed in the middle of it: right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.crash.evidence import Line

Operation = tuple[str, int]

_LONG_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What ran again, by label.

    Attributes:
        operations: How many operations ran at all.
        after_durable: Those that began again after their result was durable.
        with_worker_alive: Those that began again after they had ended, while their worker lived.
        at_once: Those that began while they still ran in a process that lived.
        in_doubt: Those that had ended just before their process died.
        long_in_doubt: Those that had ended well before their process died.
        cut_short: Those whose process had died in the middle.
        careful_twice: At-most-once operations that began twice, for whatever reason.
    """

    operations: int = 0
    after_durable: list[str] = field(default_factory=list)
    with_worker_alive: list[str] = field(default_factory=list)
    at_once: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    long_in_doubt: list[str] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    careful_twice: list[str] = field(default_factory=list)

    @property
    def faults(self) -> int:
        """How often something ran again that should not have."""
        return sum(map(len, self.wrong.values()))

    @property
    def wrong(self) -> dict[str, list[str]]:
        """What ran again that should not have, by what is wrong with it."""
        return {
            "began again after its result was durable": self.after_durable,
            "began again after it had ended, and its worker lived": self.with_worker_alive,
            "began again although it had ended long before its worker died": self.long_in_doubt,
            "began again while it ran": self.at_once,
            "may run at most once and began twice": self.careful_twice,
        }


class Judge:
    """Goes through a record line by line.

    Args:
        deaths: When each process died that did, by pid, on the record's clock.
        careful: The names of the instances whose activities may run at most once.
    """

    def __init__(self, *, deaths: Mapping[int, float], careful: Iterable[str]) -> None:
        self._deaths = deaths
        self._careful = frozenset(careful)
        self._durable: set[Operation] = set()
        self._ended_by_label: dict[str, Operation] = {}
        self._begun: dict[Operation, Line] = {}
        self._ended: dict[Operation, Line] = {}
        self._verdict = Verdict()

    def examine(self, lines: Iterable[Line]) -> Verdict:
        """Return what is to be said of the whole record."""
        for line in lines:
            if line.phase == "begin":
                self._begin(line)
            else:
                self._end(line)
        return replace(self._verdict, operations=len(self._begun))

    def _end(self, line: Line) -> None:
        self._ended[line.operation] = line
        if line.phase == "end":
            self._ended_by_label[line.label] = line.operation

    def _begin(self, line: Line) -> None:
        operation = line.operation
        if operation in self._begun:
            self._judge_repetition(line)
        self._begun[operation] = line
        labels = self._ended_by_label
        self._durable.update(labels[label] for label in line.seen if label in labels)
        self._durable.update((line.key, earlier) for earlier in range(1, line.attempt))

    def _judge_repetition(self, line: Line) -> None:
        verdict, operation = self._verdict, line.operation
        if line.label.rpartition("/")[0] in self._careful:
            verdict.careful_twice.append(line.label)
        ended = self._ended.get(operation)
        if operation in self._durable:
            verdict.after_durable.append(line.label)
        elif ended is None:
            is_alive = self._lived(self._begun[operation].pid, line.at)
            (verdict.at_once if is_alive else verdict.cut_short).append(line.label)
        elif self._lived(ended.pid, line.at):
            verdict.with_worker_alive.append(line.label)
        else:
            is_long = self._deaths[ended.pid] - ended.at > _LONG_SECONDS
            (verdict.long_in_doubt if is_long else verdict.in_doubt).append(line.label)

    def _lived(self, pid: int, at: float) -> bool:
        death = self._deaths.get(pid)
        return death is None or death > at
