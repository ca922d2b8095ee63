"""What was measured of graphs on one backend, and the lines of a table for it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one run leaves behind.

    Attributes:
        events: How many events the history of its answer has.
        history_bytes: How large these are as a journal, with the checkpoints in them.
        thread_bytes: How large the history of its thread is then.
        activities: How many activities it ran.
    """

    events: int
    history_bytes: int
    thread_bytes: int
    activities: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphFigures:
    """All of one backend.

    Attributes:
        backend: Which.
        conditions: Versions and the machine.
        seconds: By way, how long each run took.
        history: Of one run.
        waiting: How many threads waited.
        memory_bytes: What the process had in memory before and while they did.
    """

    backend: str
    conditions: dict[str, str]
    seconds: dict[str, list[float]]
    history: History
    waiting: int
    memory_bytes: tuple[int, int]


def write_figures(path: Path, figures: GraphFigures) -> None:
    """Write figures to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=1), encoding="utf-8")


def markdown(figures: GraphFigures) -> str:
    """Return the figures as lines of Markdown."""
    rows = [
        f"| {name} | {median(values) * 1000:.0f} | {min(values) * 1000:.0f} |"
        for name, values in figures.seconds.items()
    ]
    history = figures.history
    before, after = figures.memory_bytes
    per_thread = (after - before) / figures.waiting / 1024
    left_behind = (
        f"{history.activities} activities, {history.events} events, "
        f"{history.history_bytes / 1024:.0f} KB of history of the answer, "
        f"{history.thread_bytes / 1024:.0f} KB of that of the thread; "
        f"{figures.waiting} threads that wait: {per_thread:.1f} KB of memory each."
    )
    conditions = ", ".join(f"{name} {value}" for name, value in figures.conditions.items())
    head = [f"| On {figures.backend} | median, ms | least, ms |", "|---|---|---|"]
    return "\n".join([*head, *rows, "", left_behind, conditions, ""])
