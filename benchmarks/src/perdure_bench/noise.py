"""How still the machine is: the same small work many times, and what the hypervisor took."""

from __future__ import annotations

import time
from statistics import quantiles
from typing import TYPE_CHECKING

import psutil

from perdure_bench.report.words import listed
from perdure_bench.run_folder import Noise

if TYPE_CHECKING:
    from collections.abc import Sequence

_PIECES = 20
_LOOPS = 100_000
_MOST_NAMED = 3
MOST_SPREAD = 0.25
MOST_STOLEN = 0.05
"""Beyond either, a report says that the machine was noisy."""


def measure_noise(number: int, *, suites: Sequence[str] = ()) -> Noise:
    """Return how still the machine is, before a pass of suites, in a tenth of a second."""
    before = psutil.cpu_times()
    pieces = [_piece() for _ in range(_PIECES)]
    after = psutil.cpu_times()
    fastest, slow = min(pieces), quantiles(pieces, n=10)[-1]
    total = sum(after) - sum(before)
    stolen = getattr(after, "steal", 0.0) - getattr(before, "steal", 0.0)
    return Noise(
        number=number,
        spread=slow / fastest - 1,
        stolen=stolen / total if total > 0 else 0.0,
        suites=suites,
    )


def is_noisy(noise: Noise) -> bool:
    """Return whether figures taken then must be read with care."""
    return noise.spread > MOST_SPREAD or noise.stolen > MOST_STOLEN


def noisy_passes(measured: Sequence[Noise]) -> str:
    """Return before which passes the machine was noisy and how much; of many only how many."""
    noisy = [each for each in measured if is_noisy(each)]
    if len(noisy) > _MOST_NAMED:
        worst = max(noisy, key=lambda each: each.spread)
        return f"{len(noisy)} of {len(measured)} passes (before one of them {_amount(worst)})"
    return listed([f"{pass_name(each)} ({_amount(each)})" for each in noisy])


def pass_name(noise: Noise) -> str:
    """Return what a pass is called."""
    of = f" of {listed(list(noise.suites))}" if noise.suites else ""
    return f"pass {noise.number}{of}"


def _amount(noise: Noise) -> str:
    stolen = f"{noise.stolen:.0%}"
    taken = f", {stolen} of the processors was taken" if stolen != "0%" else ""
    return f"the slow tenth of equal work took {noise.spread:.0%} longer{taken}"


def _piece() -> float:
    begun = time.perf_counter()
    total = 0
    for number in range(_LOOPS):
        total += number
    return time.perf_counter() - begun
