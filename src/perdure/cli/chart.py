"""Drawing a timeline in columns of text: a header, an axis, and a line for each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.cli.axis import Axis
from perdure.cli.stored import argument_words, compact_json
from perdure.cli.text import plain, short_duration, shortened
from perdure.cli.timeline import Kind, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.cli.timeline import Bar, Row, Timeline

Piece = tuple[str, str]
"""A text and its style."""

_LABEL_SHARE = 0.38
_MIN_BARS = 16
_DURATION_WIDTH = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The characters to draw with."""

    run: str
    wait: str
    failed: str
    point: str
    going_on: str
    done: str
    cut: str
    line: str
    times: str
    ellipsis: str


UNICODE = Signs(
    run="━",
    wait="╌",
    failed="✗",
    point="◆",
    going_on="▸",
    done="✓",
    cut="⋯",
    line="─",
    times="\N{MULTIPLICATION SIGN}",
    ellipsis="…",
)
ASCII = Signs(
    run="=",
    wait="-",
    failed="x",
    point="*",
    going_on=">",
    done="+",
    cut="~",
    line="-",
    times="x",
    ellipsis="~",
)

_STYLES = {Kind.RUN: "blue", Kind.WAIT: "dim", Kind.FAILED: "red", Kind.POINT: "magenta"}
_STATE_STYLES = {State.DONE: "green", State.FAILED: "red", State.OPEN: "blue", State.UNUSED: "dim"}


class Chart:
    """Draws the rows of one timeline within ``width`` columns."""

    def __init__(self, timeline: Timeline, rows: Sequence[Row], *, width: int, now_us: int) -> None:
        self._timeline = timeline
        self._rows = rows
        self._now_us = now_us
        self._width = width
        self.signs = UNICODE

    def lines(self) -> list[list[Piece]]:
        """Return the axis and the rows, each line as pieces."""
        labels = [self._label(row) for row in self._rows]
        self._id_width = max((len(str(row.command_id or "")) for row in self._rows), default=1)
        most = max((row.attempts for row in self._rows), default=1)
        tries = len(str(most)) + 2 if most > 1 else 0
        fixed = self._id_width + 2 + _DURATION_WIDTH + 1 + 2 + tries
        from rich.cells import cell_len

        widest = max((cell_len(f"{name}{detail}") for name, detail in labels), default=0)
        room = max(int(self._width * _LABEL_SHARE), self._width - fixed - 3 * _MIN_BARS)
        self._label_width = min(widest, room)
        bars = max(self._width - fixed - self._label_width - 1, _MIN_BARS)
        self._axis = Axis(self._timeline, width=bars, now_us=self._now_us)
        drawn = [self._row(row, label) for row, label in zip(self._rows, labels, strict=True)]
        return [self._scale(), *drawn]

    def _label(self, row: Row) -> Piece:
        """Return what a row is called, and what goes with it."""
        if row.count > 1:
            return plain(row.name), f" {self.signs.times}{row.count}"
        match row.subject:
            case "timer":
                return f"sleep {short_duration(int(row.name) / 1e6)}", ""
            case "hold":
                return "suspended", f" {plain(row.name)}" if row.name else ""
            case "event":
                detail = compact_json(row.detail)
                return f"event {plain(row.name)}", "" if detail == "null" else f" {detail}"
            case "child":
                return f"child {plain(row.name)}", f" {plain(row.detail)}"
            case _:
                words = argument_words(row.detail)
                return plain(row.name), f" {words}" if words else ""

    def _row(self, row: Row, label: Piece) -> list[Piece]:
        from rich.cells import cell_len

        text = shortened(f"{label[0]}{label[1]}", self._label_width, mark=self.signs.ellipsis)
        name = text[: len(label[0])]
        detail = text[len(label[0]) :] + " " * (self._label_width - cell_len(text))
        id = "" if row.command_id is None else str(row.command_id)
        return [
            (f"{id:>{self._id_width}}  ", "dim"),
            (name, "" if row.state is not State.UNUSED else "dim"),
            (f"{detail} ", "dim"),
            *self._bars(row),
            *self._ending(row),
        ]

    def _bars(self, row: Row) -> list[Piece]:
        cells: list[Piece] = [(" ", "")] * self._axis.width
        for bar in sorted(row.bars, key=lambda bar: bar.kind is not Kind.WAIT):
            self._draw(cells, bar, is_dim=row.state is State.UNUSED)
        return _joined(cells)

    def _draw(self, cells: list[Piece], bar: Bar, *, is_dim: bool) -> None:
        end_us = self._now_us if bar.end_us is None else bar.end_us
        first, last = self._axis.column(bar.start_us), self._axis.column(end_us)
        # A bar that ends where the next begins leaves that column to it.
        last = max(first, last - (last < self._axis.width - 1))
        style = "dim" if is_dim else _STYLES[bar.kind]
        sign = {Kind.WAIT: self.signs.wait, Kind.POINT: self.signs.point}.get(
            bar.kind, self.signs.run
        )
        for column in range(first, last + 1):
            cells[column] = (sign, style)
        if bar.kind is Kind.FAILED:
            cells[last] = (self.signs.failed, "bold red")
        elif bar.end_us is None:
            cells[last] = (self.signs.going_on, "bold blue" if bar.kind is Kind.RUN else "dim")

    def _ending(self, row: Row) -> list[Piece]:
        seconds = (row.end_us(self._now_us) - row.start_us) / 1e6
        took = "" if row.subject == "event" else short_duration(seconds)
        sign = {
            State.DONE: self.signs.done,
            State.FAILED: self.signs.failed,
            State.OPEN: self.signs.going_on,
            State.UNUSED: " ",
        }[row.state]
        tries = f" {self.signs.times}{row.attempts}" if row.attempts > 1 else ""
        return [
            (f" {took:>{_DURATION_WIDTH}} ", "dim"),
            (sign, _STATE_STYLES[row.state]),
            (tries, "yellow"),
        ]

    def _scale(self) -> list[Piece]:
        """Return the axis: its beginning, its end, and how much is cut out where."""
        cells = [self.signs.line] * self._axis.width
        total = (self._timeline.end_us - self._timeline.started.at_us) / 1e6
        _write(cells, 0, "0 ")
        end = f" {short_duration(total)}"
        limit = len(cells) - len(end)
        _write(cells, limit, end)
        free_from = 3
        for stretch in self._axis.stretches:
            if stretch.is_cut:
                skipped = short_duration((stretch.end_us - stretch.start_us) / 1e6)
                words = f"{self.signs.cut}{skipped}{self.signs.cut}"
                middle = int((stretch.first + stretch.last - len(words)) / 2)
                column = min(max(middle, free_from), limit - len(words) - 1)
                if free_from <= column <= stretch.last:
                    _write(cells, column, words)
                    free_from = column + len(words) + 1
        margin = " " * (self._id_width + 2 + self._label_width + 1)
        return [(margin, ""), ("".join(cells), "dim")]


def _write(cells: list[str], column: int, text: str) -> None:
    for offset, character in enumerate(text):
        if 0 <= column + offset < len(cells):
            cells[column + offset] = character


def _joined(cells: Sequence[Piece]) -> list[Piece]:
    """Join neighbours of one style."""
    joined: list[Piece] = []
    for text, style in cells:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined
