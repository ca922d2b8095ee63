"""What was measured of agents on one backend, as it is kept in a file of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one answer leaves behind.

    Attributes:
        events: How many events its history has.
        history_bytes: How large these are as a journal.
        activities: How many activities it ran.
    """

    events: int
    history_bytes: int
    activities: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What conversations that wait cost a worker process.

    Attributes:
        conversations: How many.
        before_bytes: Its resident memory before them.
        after_bytes: And once all were answered.
    """

    conversations: int
    before_bytes: int
    after_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFigures:
    """All of one backend.

    Attributes:
        backend: Which.
        conditions: Versions and the machine.
        tool_turns: How many tool calls, one after another, an answer takes.
        plain_seconds: By pair, how long the framework alone took.
        durable_seconds: By pair, how long the durable agent took right before or after.
        history: Of one answer.
        actions: The billable actions of one answer, where they are counted.
        idle: Of conversations that wait; ``None`` if that was not measured.
    """

    backend: str
    conditions: dict[str, str]
    tool_turns: int
    plain_seconds: list[float]
    durable_seconds: list[float]
    history: History
    actions: int | None
    idle: Idle | None


def write_figures(path: Path, figures: AgentFigures) -> None:
    """Write figures to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(figures), indent=1), encoding="utf-8")


def read_figures(path: Path) -> AgentFigures:
    """Return the figures that a file holds."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    data["history"] = History(**data["history"])
    data["idle"] = None if data["idle"] is None else Idle(**data["idle"])
    return AgentFigures(**data)
