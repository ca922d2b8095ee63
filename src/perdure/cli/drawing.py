"""The timeline and the events on the terminal: once, or again and again while it grows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from perdure.cli.chart import ASCII, Chart
from perdure.cli.happenings import event_words
from perdure.cli.looks import status_style, status_words
from perdure.cli.options import Format, TimeStyle
from perdure.cli.results import Cell, Column, write_table
from perdure.cli.text import clock_time, iso, plain, short_duration
from perdure.cli.timeline import State, folded, make_timeline
from perdure.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from perdure.cli.chart import Piece
    from perdure.cli.shell import Shell
    from perdure.cli.timeline import Timeline
    from perdure.spi.history import HistoryEvent, WorkflowStarted
    from perdure.types import InstanceInfo

_LONGEST_STRETCH = 8
_HEADER_LINES = 4


def write_timeline(shell: Shell, events: Sequence[HistoryEvent], *, info: InstanceInfo) -> None:
    """Write a run's timeline."""
    for line in _picture(shell, events, info, height=None):
        shell.out.pieces(*line)


@contextlib.contextmanager
def live(shell: Shell) -> Iterator[Callable[[Sequence[HistoryEvent], InstanceInfo], None]]:
    """Return what draws a timeline in the same place each time; it is wiped at the end."""
    from rich.live import Live
    from rich.text import Text

    console = shell.out.console()

    def redraw(events: Sequence[HistoryEvent], info: InstanceInfo) -> None:
        lines = _picture(shell, events, info, height=shell.out.height - 1)
        picture.update(Text("\n").join(Text.assemble(*line) for line in lines), refresh=True)

    with Live(console=console, auto_refresh=False, transient=True) as picture:
        yield redraw


def write_events(shell: Shell, events: Sequence[HistoryEvent]) -> None:
    """Write a run's events, one a line."""
    names: dict[int, str] = {}
    start_us = events[0].at_us if events else 0
    rows = [_event_row(shell, event, start_us, names) for event in events]
    columns = (
        Column(title="AT", is_number=shell.options.time is not TimeStyle.ISO),
        Column(title="EVENT"),
        Column(title="#", is_number=True),
        Column(title="WHAT", is_elastic=True),
        Column(title="DETAILS", is_elastic=True),
    )
    write_table(shell, columns, rows)


class EventLines:
    """Writes events as they come, each a line of its own."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._names: dict[int, str] = {}
        self._start_us: int | None = None

    def write(self, event: HistoryEvent) -> None:
        """Write one event."""
        start_us = event.at_us if self._start_us is None else self._start_us
        self._start_us = start_us
        cells = _event_row(self._shell, event, start_us, self._names)
        at, kind, id, about, details = (cell.text for cell in cells)
        line = f"{at:>8}  {kind:<17}  {id:>4}  {about}  {details}"
        self._shell.out.write(f"{plain(line).rstrip()}\n")


def _event_row(
    shell: Shell, event: HistoryEvent, start_us: int, names: dict[int, str]
) -> list[Cell]:
    kind, about, details = event_words(event, names)
    if shell.options.time is TimeStyle.ISO:
        at = iso(from_us(event.at_us))
    else:
        at = short_duration((event.at_us - start_us) / 1e6)
    id = getattr(event, "id", None)
    return [
        Cell(text=at, style="dim"),
        Cell(text=kind, style="red" if kind.endswith("Failed") else ""),
        Cell(text="" if id is None else str(id), style="dim"),
        Cell(text=about),
        Cell(text=details, style="dim"),
    ]


def _picture(
    shell: Shell, events: Sequence[HistoryEvent], info: InstanceInfo, *, height: int | None
) -> list[list[Piece]]:
    """Return the header, the axis and the rows; the latest of them where not all have room."""
    if not events:
        return [_title(shell, info), [("nothing has happened yet", "dim")]]
    now_us = max(to_us(shell.now()), events[-1].at_us)
    timeline = make_timeline(events, now_us=now_us)
    is_wide = shell.format is Format.WIDE
    rows = timeline.rows if is_wide else folded(timeline.rows, longest=_LONGEST_STRETCH)
    room = len(rows) if height is None else max(height - _HEADER_LINES, 1)
    hidden = max(len(rows) - room, 0)
    rows = rows[hidden:]
    lines = _header(shell, timeline, info)
    if not rows:
        return lines
    chart = Chart(timeline, rows, width=shell.out.width, now_us=timeline.end_us)
    if not shell.out.is_unicode:
        chart.signs = ASCII
    lines += [[], *chart.lines()]
    if hidden:
        lines[2:3] = [[(f"{hidden} earlier rows are not shown", "dim")]]
    for row in rows:
        if row.state is State.FAILED:
            label = f"  {row.command_id}  " if row.command_id else "  "
            lines.append([(label, "dim"), (plain(f"{row.name}: {row.note}"), "red")])
    return lines


def _header(shell: Shell, timeline: Timeline, info: InstanceInfo) -> list[list[Piece]]:
    started = timeline.started
    total = short_duration((timeline.end_us - started.at_us) / 1e6)
    title = _title(shell, info)
    if started.run_id != info.run_id:
        title[2] = (f"an earlier run: {type(timeline.ending).__name__}", "dim")
    return [[*title, (f"  {total}", "dim")], [(_about(shell, started, timeline), "dim")]]


def _title(shell: Shell, info: InstanceInfo) -> list[Piece]:
    words = status_words(info.status, is_unicode=shell.out.is_unicode)
    return [
        (plain(info.instance_id), "bold"),
        ("  ", ""),
        (words, status_style(info.status)),
        (f"  {plain(info.name)}", ""),
    ]


def _about(shell: Shell, started: WorkflowStarted, timeline: Timeline) -> str:
    at = from_us(started.at_us)
    when = iso(at) if shell.options.time is TimeStyle.ISO else clock_time(at)
    counts: dict[str, int] = {}
    for row in timeline.rows:
        counts[row.subject] = counts.get(row.subject, 0) + 1
    plurals = {"activity": "activities", "child": "children"}
    parts = [
        f"{count} {subject if count == 1 else plurals.get(subject, f'{subject}s')}"
        for subject, count in counts.items()
    ]
    comma = " · " if shell.out.is_unicode else ", "
    words = [f"started {when}", f"run {started.run_id[:8]}"]
    for part in parts:
        if len(comma.join([*words, part])) <= shell.out.width:
            words.append(part)
    return comma.join(words)
