"""What happened in a run, as rows of bars: one row for each activity, timer, child and event.

Pure: history events in, rows out. Attempts of one activity share a row; the timer between two of
them is the wait in that row.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    Completed,
    ContinuedAsNew,
    EventReceived,
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    TimerCreated,
    TimerFired,
    WorkflowStarted,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDINGS = (Completed, Failed, ContinuedAsNew, Terminated)


class Kind(enum.Enum):
    """What a bar stands for."""

    RUN = "run"
    WAIT = "wait"
    FAILED = "failed"
    POINT = "point"


class State(enum.Enum):
    """How a row ended."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    UNUSED = "unused"


@dataclass(slots=True, kw_only=True)
class Bar:
    """A piece of a row. ``end_us`` is ``None`` while it goes on."""

    kind: Kind
    start_us: int
    end_us: int | None = None


@dataclass(slots=True, kw_only=True)
class Row:
    """One activity with its attempts, one timer, one child, one event, one hold."""

    subject: str
    name: str
    detail: str = ""
    command_id: int | None = None
    state: State = State.OPEN
    attempts: int = 1
    note: str = ""
    count: int = 1
    bars: list[Bar] = field(default_factory=list)

    @property
    def start_us(self) -> int:
        """When it began."""
        return min(bar.start_us for bar in self.bars)

    def end_us(self, now_us: int) -> int:
        """When it ended; now, if it has not."""
        return max(now_us if bar.end_us is None else bar.end_us for bar in self.bars)


@dataclass(slots=True, kw_only=True)
class Timeline:
    """A run: from when to when, and its rows in order of their beginning."""

    started: WorkflowStarted
    ending: HistoryEvent | None
    end_us: int
    rows: list[Row]


def make_timeline(events: Sequence[HistoryEvent], *, now_us: int) -> Timeline:
    """Return the timeline of a run; what goes on ends at ``now_us``.

    Raises:
        ValueError: The events do not begin with the start of a run.
    """
    started = events[0] if events else None
    if not isinstance(started, WorkflowStarted):
        raise ValueError("a history begins with the start of its run")
    builder = _Builder(events)
    ending = next((event for event in events if isinstance(event, ENDINGS)), None)
    end_us = now_us if ending is None else ending.at_us
    rows = builder.rows()
    if ending is None:
        builder.take_pending_waits()
    _close(rows, has_ended=ending is not None, end_us=end_us)
    return Timeline(started=started, ending=ending, end_us=max(end_us, started.at_us), rows=rows)


def folded(rows: Sequence[Row], *, longest: int) -> list[Row]:
    """Return the rows with each long stretch of the same work made one row.

    What failed or still runs is always shown by itself.
    """
    result: list[Row] = []
    stretch: list[Row] = []
    for row in [*rows, None]:
        if row is not None and stretch and _is_alike(stretch[0], row):
            stretch.append(row)
            continue
        result += _folded_stretch(stretch, longest)
        stretch = [] if row is None else [row]
    return result


class _Builder:
    """Reads the events one by one."""

    def __init__(self, events: Sequence[HistoryEvent]) -> None:
        self._events = events
        self._rows: list[Row] = []
        self._by_id: dict[int, Row] = {}
        self._by_key: dict[int, Row] = {}
        self._created_at: dict[int, int] = {}
        self._hold: Row | None = None

    def rows(self) -> list[Row]:
        for position, event in enumerate(self._events):
            self._read(position, event)
        return self._rows

    def take_pending_waits(self) -> None:
        """Take what waits right after a failed attempt for the wait before the next."""
        for id, position in self._created_at.items():
            failed = self._failed_before(position)
            timer = self._by_id[id]
            if failed is not None and timer.state is State.OPEN and timer in self._rows:
                self._join_wait(timer, failed)
                failed.state = State.OPEN

    def _read(self, position: int, event: HistoryEvent) -> None:
        match event:
            case ActivityScheduled():
                self._schedule(position, event)
            case TimerCreated(id=id, fire_at_us=fire_at_us):
                self._created_at[id] = position
                row = self._add("timer", str(fire_at_us - event.at_us), id, Kind.WAIT, event.at_us)
                row.detail = str(fire_at_us)
            case ChildStarted(id=id, workflow=workflow):
                row = self._add("child", workflow, id, Kind.RUN, event.at_us)
                row.detail = event.instance_id
            case ActivityCompleted(id=id) | ChildCompleted(id=id) | TimerFired(id=id):
                self._end(id, State.DONE, event.at_us)
            case ActivityFailed(id=id, failure=failure) | ChildFailed(id=id, failure=failure):
                self._end(id, State.FAILED, event.at_us)
                if id in self._by_id:
                    self._by_id[id].note = f"{failure.type}: {failure.message}"
            case EventReceived(name=name, payload=payload):
                row = self._add("event", name, None, Kind.POINT, event.at_us)
                row.detail, row.state = payload, State.DONE
                row.bars[-1].end_us = event.at_us
            case Suspended(reason=reason) if self._hold is None:
                self._hold = self._add("hold", reason, None, Kind.WAIT, event.at_us)
            case Resumed() if self._hold is not None:
                self._hold.state, self._hold.bars[-1].end_us = State.DONE, event.at_us
                self._hold = None

    def _schedule(self, position: int, event: ActivityScheduled) -> None:
        key = event.key_id or event.id
        row = self._by_key.get(key) if event.attempt > 1 else None
        if row is None:
            row = self._add("activity", event.name, event.id, Kind.RUN, event.at_us)
            row.detail = event.arguments
            self._by_key[key] = row
            return
        self._take_wait(position, row)
        row.bars.append(Bar(kind=Kind.RUN, start_us=event.at_us))
        row.state, row.attempts, row.note = State.OPEN, event.attempt, ""
        self._by_id[event.id] = row

    def _take_wait(self, position: int, row: Row) -> None:
        """Make the timer whose firing led to this attempt a part of the activity's row."""
        cause = next(e for e in reversed(self._events[:position]) if not e.is_command)
        if not isinstance(cause, TimerFired) or cause.id not in self._created_at:
            return
        timer = self._by_id[cause.id]
        if self._failed_before(self._created_at[cause.id]) is row and timer in self._rows:
            self._join_wait(timer, row)

    def _failed_before(self, position: int) -> Row | None:
        """Return the row of the attempt whose failure stands right before an event."""
        before = self._events[position - 1]
        return self._by_id.get(before.id) if isinstance(before, ActivityFailed) else None

    def _join_wait(self, timer: Row, row: Row) -> None:
        self._rows.remove(timer)
        row.bars += timer.bars

    def _add(self, subject: str, name: str, id: int | None, kind: Kind, at_us: int) -> Row:
        row = Row(subject=subject, name=name, command_id=id)
        row.bars.append(Bar(kind=kind, start_us=at_us))
        self._rows.append(row)
        if id is not None:
            self._by_id[id] = row
        return row

    def _end(self, id: int, state: State, at_us: int) -> None:
        row = self._by_id.get(id)
        if row is None:
            return  # the execution deadline, which no command creates
        row.state = state
        row.bars[-1].end_us = at_us
        if state is State.FAILED:
            row.bars[-1].kind = Kind.FAILED


def _close(rows: Sequence[Row], *, has_ended: bool, end_us: int) -> None:
    """End what nobody waits for any more."""
    for row in rows:
        if row.state is State.OPEN and has_ended:
            row.state = State.UNUSED
            row.bars[-1].end_us = end_us


def _is_alike(first: Row, second: Row) -> bool:
    return (
        first.state is State.DONE
        and second.state is State.DONE
        and (first.subject, first.name) == (second.subject, second.name)
        and first.attempts == second.attempts == 1
    )


def _folded_stretch(stretch: list[Row], longest: int) -> list[Row]:
    if len(stretch) <= longest:
        return stretch
    shown, rest = stretch[: longest - 1], stretch[longest - 1 :]
    one = Row(
        subject=rest[0].subject,
        name=rest[0].name,
        state=State.DONE,
        count=len(rest),
        bars=[bar for row in rest for bar in row.bars],
    )
    return [*shown, one]
