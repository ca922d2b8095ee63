"""Curves of cost against volume, each a band where two counts differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.report.charts.canvas import SOFT, colour_numbered, plan_numbers, quiet
from perdure_bench.report.words import three_digits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure_bench.cost.break_even import Curve
    from perdure_bench.report.charts.canvas import Canvas

_HEIGHT, _FOOT, _HEAD = 380, 54, 28
_DASHES = ("-", (0, (6, 2)), (0, (2, 2)), (0, (8, 2, 2, 2)), (0, (4, 4)), (0, (1, 3)))


def draw_curves(curves: Sequence[Curve], *, currency: str) -> Callable[[Canvas], None]:
    """Return what draws them on logarithmic scales."""

    def draw(canvas: Canvas) -> None:
        canvas.height(_HEIGHT)
        left = 62
        size = (left / canvas.width, _FOOT / _HEIGHT)
        axes = canvas.figure.add_axes(
            (*size, 1 - (left + 8) / canvas.width, 1 - (_FOOT + _HEAD) / _HEIGHT)
        )
        quiet(axes)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.grid(axis="y", color="#030303")
        colours = plan_numbers([curve.plan for curve in curves])
        for number, curve in enumerate(curves):
            volumes, low, high = zip(*curve.points, strict=True)
            colour = colour_numbered(colours[number])
            dash = _DASHES[number % len(_DASHES)]
            axes.fill_between(volumes, low, high, color=colour, alpha=0.18, linewidth=0)
            axes.plot(volumes, low, color=colour, linewidth=2, linestyle=dash)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: _short(value))
            axis.set_tick_params(labelcolor=SOFT)
        axes.set_xlabel("instances in a month", fontsize=12, labelpad=6)
        axes.set_title(f"{currency} a month".strip(), loc="left", fontsize=12, color=SOFT)

    return draw


def _short(value: float) -> str:
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if value >= size:
            return f"{three_digits(value / size)}{unit}"
    return three_digits(value)
