"""What came of a campaign, as data, as text, and beside its twin."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from tests.campaign.judge import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.campaign.schedule import Plan


NUDGE = "a nudge"
RESTART = "a restart"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """One SIGKILL.

    Attributes:
        victim: Which process; a worker that killed itself when an activity had done its work is
            ``worker-1 (result)``.
        seconds: When, counted from the begin of the campaign.
        in_flight: How many activities ran at that moment, or had results nobody had heard of: in
            the worker that was killed, else in all.
    """

    victim: str
    seconds: float
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How long it took after an outage until an activity began again; ``None`` if too long."""

    victims: tuple[str, ...]
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """An instance that did not come to its right end in time, and all that is known of it.

    Attributes:
        instance_id: Which.
        problem: What was seen.
        came_by: What made it end after all: ``a nudge`` (an event that says nothing), ``a restart``
            of the servers; empty if nothing did.
        vendor: What the server says of it: its state and its history.
        logs: The lines about it in the servers' logs.
        is_torn: Whether the server itself has lost part of the state, for ever.
    """

    instance_id: str
    problem: str
    came_by: str = ""
    vendor: str = ""
    logs: tuple[str, ...] = ()
    is_torn: bool = False


@dataclass(slots=True, kw_only=True)
class Report:
    """All that came of one campaign on one side.

    Attributes:
        side: Who ran it.
        plan: What was to be done.
        instances: How many were started.
        kills: In their order.
        recoveries: After each outage but the last.
        lost: Those without an end.
        wrong: By instance, what is wrong with its end.
        doubtful_events: How many were raised more than once.
        calls_failed: How many calls of the client failed.
        odd_errors: What some failed with that a client has no reason to expect.
        worker_exits: How often a worker ended by itself, as when there is no server to begin with.
        never_drained: The workers that did not end at the end when they were asked to.
        verdict: What ran again.
        seconds: How long it took.
        last_seconds: When the last instance ended.
    """

    side: str
    plan: Plan
    instances: int = 0
    kills: list[Kill] = field(default_factory=list)
    recoveries: list[Recovery] = field(default_factory=list)
    lost: list[Loss] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    doubtful_events: int = 0
    calls_failed: int = 0
    odd_errors: list[str] = field(default_factory=list)
    worker_exits: int = 0
    never_drained: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0
    last_seconds: float = 0.0

    @property
    def kills_in_flight(self) -> int:
        """How many kills hit running activities."""
        return sum(kill.in_flight > 0 for kill in self.kills)

    @property
    def torn(self) -> list[Loss]:
        """The instances whose state the server has lost a part of, for ever."""
        return [loss for loss in self.lost if loss.is_torn]

    @property
    def lost_otherwise(self) -> list[Loss]:
        """The other instances without an end."""
        return [loss for loss in self.lost if not loss.is_torn]

    def kills_by_process(self) -> dict[str, int]:
        """Return how often each kind of process was killed."""
        return dict(Counter(kill.victim.partition("-")[0] for kill in self.kills))

    def _lost(self) -> str:
        """Return how many are lost, and what brought some of them back."""
        found = Counter(loss.came_by for loss in self.lost_otherwise if loss.came_by)
        came = ", ".join(f"{count} came by {what}" for what, count in sorted(found.items()))
        return f"{len(self.lost_otherwise)} ({came})" if came else str(len(self.lost_otherwise))

    def to_data(self) -> dict[str, object]:
        """Return all of it as JSON data."""
        return {
            **asdict(self),
            "kills_in_flight": self.kills_in_flight,
            "kills_by_process": self.kills_by_process(),
        }

    def row(self) -> list[str]:
        """Return the cells of its line in the table."""
        verdict = self.verdict
        by_process = self.kills_by_process()
        return [
            str(self.plan.seed),
            self.side if self.plan.is_recording else f"{self.side}, no records",
            str(len(self.kills)),
            " ".join(f"{name} {count}" for name, count in sorted(by_process.items())),
            str(self.kills_in_flight),
            str(self.instances),
            str(verdict.operations),
            self._lost(),
            str(len(self.torn)),
            str(len(self.wrong)),
            str(len(verdict.after_durable)),
            str(len(verdict.with_worker_alive)),
            str(len(verdict.long_in_doubt)),
            str(len(verdict.at_once)),
            str(len(verdict.in_doubt)),
            str(len(verdict.cut_short)),
            str(len(verdict.careful_twice)),
            str(self.doubtful_events),
            f"{self.last_seconds:.1f}",
        ]


_HEADINGS = [
    "seed", "side", "kills", "of", "in flight", "instances", "operations", "lost",
    "torn by server", "wrong",
    "again: durable", "again: alive",
    "again: recorded", "again: at once", "in doubt", "cut short", "once twice",
    "events in doubt", "last end s",
]  # fmt: skip


def table(reports: Iterable[Report]) -> str:
    """Return the reports as lines of text."""
    rows = [_HEADINGS, *(report.row() for report in reports)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def details(report: Report) -> str:
    """Return what is known of each loss and each fault."""
    parts = [f"{name}: {problem}" for name, problem in report.wrong.items()]
    parts += [
        f"{label} {what}" for what, labels in report.verdict.wrong.items() for label in labels
    ]
    parts += [f"a call failed with {error}" for error in report.odd_errors]
    parts += [f"{name} had to be killed in the end" for name in report.never_drained]
    for loss in report.lost:
        came = f"came by {loss.came_by}" if loss.came_by else "never came"
        parts.append(f"--- {loss.instance_id} {came}: {loss.problem}\n{loss.vendor}")
        parts += loss.logs
    return "\n".join(parts)


def write(reports: Iterable[Report], path: Path) -> None:
    """Write the reports as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = [report.to_data() for report in reports]
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")
