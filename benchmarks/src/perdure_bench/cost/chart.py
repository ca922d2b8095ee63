"""The chart as text: cost against volume, both axes in powers of ten. A pure function."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.cost.break_even import Curve

MARKS = "CDHPE"
"""One for each plan, in their order."""

_HEIGHT = 14
_LABEL = 9
_CENT = 0.01

Line = list[tuple[str, int | None]]
"""Pieces of a line: a text, and the number of the curve that it belongs to, if to one."""


def chart(curves: Sequence[Curve], *, marks: Sequence[str], at: float, width: int) -> list[Line]:
    """Return the lines of a chart; of curves that share a place the later one is seen.

    Args:
        curves: What is drawn: the higher of the two costs at each volume.
        marks: A letter for each.
        at: The volume that the axis shows by a caret.
        width: Of a line, at most.
    """
    points = [
        (number, math.log10(volume), math.log10(max(high, _CENT)))
        for number, curve in enumerate(curves)
        for volume, _, high in curve.points
    ]
    if not points:
        return []
    columns = max(20, width - _LABEL - 1)
    left, right = min(x for _, x, _ in points), max(x for _, x, _ in points)
    bottom, top = min(y for *_, y in points), max(y for *_, y in points)
    field: dict[tuple[int, int], int] = {}
    for number, x, y in points:
        column = round((x - left) / (right - left or 1) * (columns - 1))
        row = round((y - bottom) / (top - bottom or 1) * (_HEIGHT - 1))
        field[row, column] = number
    lines = []
    for row in reversed(range(_HEIGHT)):
        value = 10 ** (bottom + (top - bottom) * row / (_HEIGHT - 1))
        label = short(value) if row % 4 == 1 else ""
        line: Line = [(f"{label:>{_LABEL - 1}} |", None)]
        for column in range(columns):
            found = field.get((row, column))
            line.append((" ", None) if found is None else (marks[found], found))
        lines.append(line)
    axis = ["-"] * columns
    place = round((math.log10(max(at, 1.0)) - left) / (right - left or 1) * (columns - 1))
    if 0 <= place < columns:
        axis[place] = "^"
    low, high = short(10**left), short(10**right)
    words = "instances a month (^ yours)"
    space = max(1, (columns - len(low) - len(high) - len(words)) // 2)
    scale = f"{'':{_LABEL + 1}}{low}{'':{space}}{words}{'':{space}}{high}"
    return [*lines, [(" " * (_LABEL - 1) + " +" + "".join(axis), None)], [(scale, None)]]


def short(value: float) -> str:
    """Return a number in few characters."""
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
