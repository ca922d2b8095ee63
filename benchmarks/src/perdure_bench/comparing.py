"""Two runs beside each other: what got worse, with noise taken into account. Pure functions.

Samples of a pass have more in common than samples of two passes, so the interval is that of a
bootstrap in two steps: passes are drawn with replacement, then samples within each. Where both runs
measured the vendor's own SDK, its change is the machine's, and is divided out.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Literal

from perdure_bench.cells import FASTEST, NATIVE
from perdure_bench.ratios import enough_for_bounds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure_bench.cells import Cell, Found
    from perdure_bench.run_folder import Run

Verdict = Literal["worse", "better", "same", "unsure", "lost", "new"]
"""``unsure``: the interval holds both no change and one that would count, or there is no interval.
``lost``: it was ok.
"""

LEAST_CHANGE = 0.05
"""Below it a change counts for nothing, however sure it is."""

_DRAWS = 1_000
_CONFIDENCE = 0.95
_UNITS_WHERE_MORE_IS_BETTER = ("1/s", "bytes")
_TIMED = ("s", "1/s")
"""Units of what another run of the same would not give again; limits and counts it would."""
_EDGE = "edge_bytes"
_UNSAID = "not said"
_MAY_DIFFER = ("perdure",)
"""What of a machine's description may be another in the two runs: it is why one compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What became of one measurement, over all its passes.

    Attributes:
        cell: Which one; its pass is 0.
        unit: Of both figures.
        old: The median in the old run; ``None`` if it has none.
        new: The same in the new one.
        ratio: By how much the new one is worse: 1.1 is a tenth slower, or a tenth less per second.
        low: The lower end of its 95 % interval; ``None`` of a time of which there are too few.
        high: The upper end.
        drift: By how much the vendor's own SDK changed meanwhile, which is divided out of these
            three; ``None`` where nothing tells.
        verdict: What to think of it.
    """

    cell: Cell
    unit: str
    old: float | None
    new: float | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    drift: float | None = None
    verdict: Verdict = "same"


def different_conditions(old: Run, new: Run) -> list[str]:
    """Return what makes two runs no comparison, in words; nothing if they are one."""
    found = [
        f"{name}: {old.machine.get(name)} then, {new.machine.get(name)} now"
        for name in sorted({*old.machine, *new.machine} - {*_MAY_DIFFER})
        if old.machine.get(name) != new.machine.get(name)
    ]
    found += [
        f"{option}: {old.asked.get(option)} then, {new.asked.get(option)} now"
        for option in ("is_smoke", "round_trip")
        if old.asked.get(option) != new.asked.get(option)
    ]
    for backend in sorted({*old.backends} & {*new.backends}):
        was, is_now = old.backends[backend], new.backends[backend]
        found += [
            f"{backend}, {name}: {was.get(name, _UNSAID)} then, {is_now.get(name, _UNSAID)} now"
            for name in sorted({*was, *is_now} - _ways_of_one(was, is_now))
            if was.get(name) != is_now.get(name)
        ]
    return found


def _ways_of_one(was: Mapping[str, str], is_now: Mapping[str, str]) -> set[str]:
    """Return what is said of ways that only one of the runs has measured."""
    return {FASTEST} & ({*was} ^ {*is_now})


def compare(old: Run, new: Run, *, seed: int = 0) -> list[Change]:
    """Return what became of each measurement that either run has, in the order of the old one."""
    before, after = _by_measurement(old.cells), _by_measurement(new.cells)
    drawing = random.Random(seed)
    plain = {
        cell: _change(cell, before.get(cell, []), after.get(cell, []), drawing)
        for cell in [*before, *(cell for cell in after if cell not in before)]
    }
    drifts = {
        _but_for_way(cell): change.ratio
        for cell, change in plain.items()
        if cell.way == NATIVE and change.unit in _TIMED and change.ratio is not None
    }
    return [
        _without_drift(change, drifts.get(_but_for_way(cell))) for cell, change in plain.items()
    ]


def _by_measurement(cells: Sequence[Found]) -> dict[Cell, list[Found]]:
    found: dict[Cell, list[Found]] = defaultdict(list)
    for each in cells:
        found[replace(each.cell, number=0)].append(each)
    return found


def _change(
    cell: Cell, old: Sequence[Found], new: Sequence[Found], drawing: random.Random
) -> Change:
    was, is_now = _samples(old), _samples(new)
    unit = next((each.unit for each in (*new, *old) if each.status == "ok"), "")
    if not was or not is_now:
        verdict: Verdict = "lost" if was else "new" if is_now else "same"
        return Change(cell=cell, unit=unit, old=_middle(was), new=_middle(is_now), verdict=verdict)
    is_more_better = unit in _UNITS_WHERE_MORE_IS_BETTER

    def worse_by(then: float, now: float) -> float:
        return _ratio(then, now) if is_more_better else _ratio(now, then)

    drawn = sorted(
        worse_by(_middle(_drawn(was, drawing)) or 0.0, _middle(_drawn(is_now, drawing)) or 0.0)
        for _ in range(_DRAWS)
    )
    tail = int((1 - _CONFIDENCE) / 2 * _DRAWS)
    has_bounds = unit not in _TIMED or all(map(enough_for_bounds, (was, is_now)))
    change = Change(
        cell=cell,
        unit=unit,
        old=_middle(was),
        new=_middle(is_now),
        ratio=worse_by(_middle(was) or 0.0, _middle(is_now) or 0.0),
        low=drawn[tail] if has_bounds else None,
        high=drawn[-1 - tail] if has_bounds else None,
    )
    return replace(change, verdict=_verdict(change))


def _without_drift(change: Change, drift: float | None) -> Change:
    is_ours = change.cell.way != NATIVE and change.unit in _TIMED
    if not is_ours or not drift or change.ratio is None:
        return change
    without = replace(
        change,
        ratio=change.ratio / drift,
        low=None if change.low is None else change.low / drift,
        high=None if change.high is None else change.high / drift,
        drift=drift,
    )
    return replace(without, verdict=_verdict(without))


def _verdict(change: Change) -> Verdict:
    if change.low is None or change.high is None:
        return "unsure"
    if change.low > 1 + LEAST_CHANGE:
        return "worse"
    if change.high < 1 / (1 + LEAST_CHANGE):
        return "better"
    if change.high > 1 + LEAST_CHANGE or change.low < 1 / (1 + LEAST_CHANGE):
        return "unsure"
    return "same"


def _samples(found: Sequence[Found]) -> list[list[float]]:
    """Return the samples of each pass; of a ladder, its edge."""
    passes = [each for each in found if each.status == "ok"]
    listed = [each.samples or _edge(each.figures) for each in passes]
    return [samples for samples in listed if samples]


def _edge(figures: Mapping[str, float]) -> list[float]:
    return [figures[_EDGE]] if _EDGE in figures else []


def _drawn(passes: Sequence[Sequence[float]], drawing: random.Random) -> list[list[float]]:
    return [
        drawing.choices(samples, k=len(samples))
        for samples in drawing.choices(passes, k=len(passes))
    ]


def _middle(passes: Sequence[Sequence[float]]) -> float | None:
    """Return the median of the medians of the passes."""
    return median(median(samples) for samples in passes) if passes else None


def _ratio(above: float, below: float) -> float:
    if above == below:
        return 1.0
    return above / below if below else float("inf")


def _but_for_way(cell: Cell) -> Cell:
    return replace(cell, way="")
