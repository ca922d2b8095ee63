"""Ratios with their intervals, around the line where nothing differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.report.charts.canvas import (
    INK,
    SOFT,
    colour_of,
    face_of,
    marker_of,
    quiet,
)
from perdure_bench.report.charts.scales import ratio_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from perdure_bench.report.charts.canvas import Canvas

_ROW, _HEAD, _FOOT = 30, 30, 44
_NARROW_ROW = 44


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """One ratio.

    Attributes:
        label: Of the row; those of the same label share it.
        backend: Gives the colour.
        way: Gives the shape of the mark.
        value: The ratio.
        low: The lower end of its interval; ``None`` if there is none.
        high: The upper one.
    """

    label: str
    backend: str
    way: str
    value: float
    low: float | None
    high: float | None


def draw_intervals(
    intervals: Sequence[Interval], *, better: str, worse: str
) -> Callable[[Canvas], None]:
    """Return what draws ratios.

    Args:
        intervals: In the order of their rows.
        better: What a ratio below 1 means.
        worse: What one above 1 means.
    """

    def draw(canvas: Canvas) -> None:
        labels = list(dict.fromkeys(each.label for each in intervals))
        row = _NARROW_ROW if canvas.is_narrow else _ROW
        total = len(labels) * row + _HEAD + _FOOT
        canvas.height(total)
        axes = canvas.figure.add_axes(
            (
                (6 if canvas.is_narrow else 290) / canvas.width,
                _FOOT / total,
                1 - (20 if canvas.is_narrow else 320) / canvas.width,
                1 - (_HEAD + _FOOT) / total,
            )
        )
        quiet(axes)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_yticks(range(len(labels)))
        axes.set_yticklabels([""] * len(labels) if canvas.is_narrow else labels)
        ends = [end for each in intervals for end in _ends(each)]
        ratio_scale(axes, min(ends), max(ends), most=5 if canvas.is_narrow else 9)
        axes.axvline(1.0, color=INK, linewidth=1.4)
        _name_sides(axes, better=better, worse=worse)
        for position, label in enumerate(labels):
            if canvas.is_narrow:
                axes.annotate(
                    label,
                    (0, position - 0.28),
                    xycoords=("axes fraction", "data"),
                    color=INK,
                    va="center",
                )
            shown = [each for each in intervals if each.label == label]
            for number, each in enumerate(shown):
                apart = 0.26 * (number - (len(shown) - 1) / 2)
                _draw(axes, each, position + apart + (0.16 if canvas.is_narrow else 0))

    return draw


def _ends(interval: Interval) -> tuple[float, ...]:
    bounds = (interval.low, interval.value, interval.high)
    return tuple(each for each in bounds if each is not None)


def _name_sides(axes: Axes, *, better: str, worse: str) -> None:
    for words, align, away in ((f"← {better}", "right", -7), (f"{worse} →", "left", 7)):
        axes.annotate(
            words,
            (1.0, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(away, 9),
            textcoords="offset points",
            ha=align,
            color=SOFT,
        )


def _draw(axes: Axes, interval: Interval, position: float) -> None:
    colour = colour_of(interval.backend)
    if interval.low is not None and interval.high is not None:
        axes.hlines(position, interval.low, interval.high, color=colour, linewidth=2.2)
    axes.plot(
        [interval.value],
        [position],
        marker_of(interval.way),
        color=colour,
        markerfacecolor=face_of(interval.way, colour),
        markeredgewidth=1.8,
        markersize=8,
    )
