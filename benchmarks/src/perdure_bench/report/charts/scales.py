"""Scales for times and ratios, with ticks that people know."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import NullLocator

from perdure_bench.report.words import seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = (1, 2, 5)
_RATIOS = (
    (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 7, 10),
    (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.25, 1.5, 2, 3, 5, 10, 20, 50),
    (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100),
    (0.01, 0.1, 1, 10, 100),
)
"""Ticks of an axis of ratios: the first of these of which not too many are within it."""


def time_scale(axes: Axes, low: float, high: float, *, most: int) -> None:
    """Give a logarithmic axis of seconds."""
    low, high = low / 1.15, high * 1.15
    _logarithmic(axes, low, high, _ticks(low, high, most))
    axes.set_xticklabels([_time(tick) for tick in axes.get_xticks()])


def ratio_scale(axes: Axes, low: float, high: float, *, most: int) -> None:
    """Give a logarithmic axis of ratios, around 1."""
    low, high = min(low, 0.9) / 1.05, max(high, 1.12) * 1.05
    within = [[tick for tick in ticks if low <= tick <= high] for ticks in _RATIOS]
    ticks = next((each for each in within if len(each) <= most), within[-1])
    _logarithmic(axes, low, high, ticks)
    axes.set_xticklabels([f"{tick:g} x" for tick in axes.get_xticks()])


def _time(value: float) -> str:
    number, unit = seconds(value).split(" ")
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _logarithmic(axes: Axes, low: float, high: float, ticks: list[float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks)


def _ticks(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in (_STEPS, (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        within = [tick for tick in ticks if low <= tick <= high]
        if 0 < len(within) <= most:
            return within
    return within[:: max(1, math.ceil(len(within) / most))] if within else [low]
