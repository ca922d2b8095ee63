"""Bars: one for each way to do the same work, in two parts where a figure has two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE
from perdure_bench.report.charts.canvas import CARD, INK, SOFT, colour_of, quiet
from perdure_bench.report.words import three_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from perdure_bench.report.charts.canvas import Canvas

_BAR, _GAP, _HEAD, _FOOT = 24, 18, 6, 34
_NARROW_LABEL = 22
_LETTER, _BESIDE = 7.2, 12
"""How wide a letter is, and what is between a bar and its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar.

    Attributes:
        group: What it is of; bars of one group are below each other.
        label: What tells it from others of its group.
        backend: Gives the colour.
        way: The vendor's own is hollow.
        value: The part that is filled.
        words: At its end.
        more: What comes on top of it, hatched.
    """

    group: str
    label: str
    backend: str
    way: str
    value: float
    words: str
    more: float = 0.0


def draw_bars(bars: Sequence[Bar], *, unit: str) -> Callable[[Canvas], None]:
    """Return what draws bars from 0 on, with the unit below the axis."""

    def draw(canvas: Canvas) -> None:
        places, names, height = _laid_out(bars, is_narrow=canvas.is_narrow)
        total = height + _HEAD + _FOOT + 14
        canvas.height(total)
        left = 124 if canvas.is_narrow else 320
        axes = canvas.figure.add_axes(
            (
                left / canvas.width,
                (_FOOT + 14) / total,
                1 - (left + 8) / canvas.width,
                height / total,
            )
        )
        quiet(axes)
        axes.set_ylim(height, 0)
        axes.set_xlim(0, _end(bars, canvas.width - left - 8))
        axes.xaxis.set_major_formatter(lambda value, _: three_digits(value))
        axes.locator_params(axis="x", nbins=4 if canvas.is_narrow else 7)
        axes.set_xlabel(unit, color=SOFT, fontsize=12, labelpad=4)
        axes.set_yticks(places)
        axes.set_yticklabels([bar.label for bar in bars], color=SOFT)
        for name, place in names:
            _name_group(axes, name, place, canvas=canvas, left=left)
        for bar, place in zip(bars, places, strict=True):
            _draw_bar(axes, bar, place)

    return draw


def _end(bars: Sequence[Bar], width: float) -> float:
    """Return where the axis ends, such that each bar has room for its words."""
    ends = (
        (bar.value + bar.more) * width / (width - _BESIDE - _LETTER * len(bar.words))
        for bar in bars
    )
    return max(ends, default=1.0) or 1.0


def _laid_out(
    bars: Sequence[Bar], *, is_narrow: bool
) -> tuple[list[float], list[tuple[str, float]], float]:
    """Return where each bar is, where the name of each group is, and the height of all."""
    places: list[float] = []
    names: list[tuple[str, float]] = []
    top, last = 0.0, None
    for bar in bars:
        if bar.group != last:
            top += _GAP if last is not None else 0
            names.append((bar.group, top + (_NARROW_LABEL / 2 if is_narrow else _BAR / 2)))
            top += _NARROW_LABEL if is_narrow else 0
            last = bar.group
        places.append(top + _BAR / 2)
        top += _BAR
    return places, names, top + 4


def _name_group(axes: Axes, name: str, place: float, *, canvas: Canvas, left: float) -> None:
    axes.annotate(
        name,
        (0, place),
        xycoords=("axes fraction", "data"),
        xytext=(-left + 6, 0),
        textcoords="offset points",
        fontweight="bold" if canvas.is_narrow else "normal",
        va="center",
        color=INK,
    )


def _draw_bar(axes: Axes, bar: Bar, place: float) -> None:
    colour = colour_of(bar.backend)
    is_native = bar.way == NATIVE
    face = CARD if is_native else colour
    height = _BAR - 8
    axes.barh(place, bar.value, height=height, color=face, edgecolor=colour, linewidth=1.4)
    if bar.more:
        axes.barh(
            place,
            bar.more,
            left=bar.value,
            height=height,
            color="none",
            edgecolor=colour,
            linewidth=1.4,
            hatch="////",
        )
    axes.annotate(
        bar.words,
        (bar.value + bar.more, place),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        color=INK,
    )
