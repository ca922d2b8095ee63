"""How samples are spread: a hill for each row, with its middle and its slow end marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perdure_bench.report.charts.canvas import (
    INK,
    SOFT,
    colour_of,
    face_of,
    marker_of,
    quiet,
)
from perdure_bench.report.charts.scales import ratio_scale, time_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

    from perdure_bench.report.charts.canvas import Canvas

_ROW, _HEAD, _FOOT = 50, 26, 34
_POINTS = 36
_NARROW_ROW = 60
_LEAST_FOR_HILL = 8
_BASE = 0.26
_LETTER, _GAP = 6.4, 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        label: At its left.
        backend: Gives the colour.
        way: Gives the shape of the mark.
        samples: Sorted.
        middle: Their median.
        p95: If there are enough to tell.
        p99: Likewise.
        value: The median in words.
    """

    label: str
    backend: str
    way: str
    samples: Sequence[float]
    middle: float
    p95: float | None
    p99: float | None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Rows on one axis.

    Attributes:
        title: Of the panel.
        rows: From the top.
    """

    title: str
    rows: Sequence[Row]


def draw_distributions(
    panels: Sequence[Panel], *, is_ratio: bool = False
) -> Callable[[Canvas], None]:
    """Return what draws panels beside each other; on a phone, below each other.

    Beside each other they share their labels: each row is at the height of its own, and one that a
    panel lacks is left empty.

    Args:
        panels: From the left.
        is_ratio: Whether samples are ratios, not seconds.
    """
    labels = list(dict.fromkeys(row.label for panel in panels for row in panel.rows))

    def draw(canvas: Canvas) -> None:
        count = len(panels)
        shape = (count, 1) if canvas.is_narrow else (1, count)
        shown = [_labels(panel) if canvas.is_narrow else labels for panel in panels]
        heights = [_height(len(each), is_narrow=canvas.is_narrow) for each in shown]
        total = sum(heights) if canvas.is_narrow else max(heights)
        canvas.height(total)
        all_axes = canvas.figure.subplots(
            *shape, squeeze=False, height_ratios=heights if canvas.is_narrow else None
        ).ravel()
        _place(canvas, total, labels=_LETTER * max(map(len, labels)) + _GAP)
        limits = _limits(panels)
        for number, (axes, panel) in enumerate(zip(all_axes, panels, strict=True)):
            has_labels = number == 0 and not canvas.is_narrow
            _draw_panel(axes, panel, shown[number], canvas=canvas, has_labels=has_labels)
            scale = ratio_scale if is_ratio else time_scale
            scale(axes, *limits, most=4 if canvas.is_narrow else 6)

    return draw


def _height(rows: int, *, is_narrow: bool) -> float:
    return rows * (_NARROW_ROW if is_narrow else _ROW) + _HEAD + _FOOT


def _labels(panel: Panel) -> list[str]:
    return [row.label for row in panel.rows]


def _place(canvas: Canvas, total: float, *, labels: float) -> None:
    left = 6 if canvas.is_narrow else labels
    canvas.figure.subplots_adjust(
        left=left / canvas.width,
        right=1 - 8 / canvas.width,
        top=1 - _HEAD / total,
        bottom=_FOOT / total,
        wspace=0.08,
        hspace=0.42,
    )


def _limits(panels: Sequence[Panel]) -> tuple[float, float]:
    rows = [row for panel in panels for row in panel.rows]
    return min(row.samples[0] for row in rows), max(row.samples[-1] for row in rows)


def _draw_panel(
    axes: Axes, panel: Panel, labels: Sequence[str], *, canvas: Canvas, has_labels: bool
) -> None:
    quiet(axes)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_yticks(range(len(labels)))
    axes.set_title(panel.title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=8)
    axes.set_yticklabels(labels if has_labels else [""] * len(labels))
    for row in panel.rows:
        position = labels.index(row.label)
        _draw_row(axes, row, position)
        if canvas.is_narrow:
            _write(axes, row.label, (0, position - 0.34), align="left", colour=SOFT)
            _write(axes, row.value, (1, position - 0.34), align="right", colour=INK)
        else:
            _value_above(axes, row, position + _BASE)


def _draw_row(axes: Axes, row: Row, position: int) -> None:
    colour = colour_of(row.backend)
    base = position + _BASE
    if len(row.samples) >= _LEAST_FOR_HILL and row.samples[0] < row.samples[-1]:
        across, heights = _hill(row.samples)
        axes.fill_between(across, base, base - 0.4 * heights, color=colour, alpha=0.28, linewidth=0)
    else:
        axes.plot(row.samples, [base - 0.08] * len(row.samples), "|", color=colour, markersize=7)
    axes.hlines(base, row.samples[0], row.samples[-1], color=colour, linewidth=1.2)
    for value, height in ((row.p95, 0.11), (row.p99, 0.19)):
        if value is not None:
            axes.vlines(value, base - height, base + height, color=colour, linewidth=2)
    axes.plot(
        [row.middle],
        [base],
        marker_of(row.way),
        color=colour,
        markerfacecolor=face_of(row.way, colour),
        markeredgewidth=1.8,
        markersize=8,
        zorder=4,
    )


def _write(axes: Axes, words: str, place: tuple[float, float], *, align: str, colour: str) -> None:
    axes.annotate(
        words,
        place,
        xycoords=("axes fraction", "data"),
        fontsize=12,
        color=colour,
        ha=align,
        va="center",
    )


def _value_above(axes: Axes, row: Row, base: float) -> None:
    axes.annotate(
        row.value,
        (row.middle, base),
        xytext=(0, 17),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=12,
        color=INK,
        zorder=5,
    )


def _hill(samples: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Return where samples are how dense, of 1 at most, on a logarithmic scale."""
    logs = np.log10(np.asarray(samples))
    width = max(1.06 * float(np.std(logs)) * len(logs) ** -0.2, 0.005)
    across = np.linspace(logs[0], logs[-1], _POINTS)
    heights = np.exp(-0.5 * ((across[:, None] - logs[None, :]) / width) ** 2).sum(axis=1)
    return 10**across, heights / heights.max()
