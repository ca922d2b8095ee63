"""How many times as long one side takes as the other, and how sure that is. Pure functions.

Samples come in passes, in which both sides are measured soon after each other, so that what
disturbs the machine for longer than a pass disturbs both. The figure is the median of the ratios of
the passes. Its bounds are those of a percentile bootstrap: passes are drawn again with replacement,
then samples within each.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_SAMPLES_FOR_BOUNDS = 6
LEAST_PASSES_FOR_BOUNDS = 2
_DRAWS = 1_000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Ours by theirs.

    Attributes:
        value: The median of the ratios of the passes; below 1 is in our favour.
        low: The lower end of the two-sided 95 % interval; ``None`` if there are too few samples.
        high: Its upper end.
        passes: How many passes it is of.
    """

    value: float
    low: float | None
    high: float | None
    passes: int


def enough_for_bounds(passes: Sequence[Sequence[float]]) -> bool:
    """Return whether there are so many samples, in so many passes, that an interval says much."""
    fewest = min(map(len, passes), default=0)
    is_spread = len(passes) >= LEAST_PASSES_FOR_BOUNDS
    return is_spread and fewest * len(passes) >= LEAST_SAMPLES_FOR_BOUNDS


def ratio_over_passes(
    ours: Mapping[int, Sequence[float]], theirs: Mapping[int, Sequence[float]], *, seed: int = 0
) -> Ratio:
    """Return the median of the ratios of the passes that both sides have, with its 95 % interval.

    Args:
        ours: The samples of each pass, by its number.
        theirs: Likewise.
        seed: The same passes and the same seed give the same interval.

    Raises:
        ValueError: No pass is common to both, or a median of theirs is not positive.
    """
    common = [(ours[number], theirs[number]) for number in sorted({*ours} & {*theirs})]
    if not common:
        raise ValueError("a ratio needs at least one pass of both sides")
    value = median(_ratio_of_samples(*each) for each in common)
    if not all(map(enough_for_bounds, zip(*common, strict=True))):
        return Ratio(value=value, low=None, high=None, passes=len(common))
    drawing = random.Random(seed)
    drawn = sorted(
        median(
            _ratio_of_samples(
                drawing.choices(mine, k=len(mine)), drawing.choices(others, k=len(others))
            )
            for mine, others in drawing.choices(common, k=len(common))
        )
        for _ in range(_DRAWS)
    )
    tail = int((1 - _CONFIDENCE) / 2 * _DRAWS)
    return Ratio(value=value, low=drawn[tail], high=drawn[-1 - tail], passes=len(common))


def _ratio_of_samples(ours: Sequence[float], theirs: Sequence[float]) -> float:
    below = median(theirs)
    if below <= 0:
        raise ValueError(f"the median of the other side is {below}, which nothing is a ratio of")
    return median(ours) / below
