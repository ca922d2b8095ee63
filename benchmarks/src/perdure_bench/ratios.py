"""How many times as long one side takes as the other, and how sure that is. Pure functions.

Samples come in pairs, taken one right after the other, so that what disturbs the machine for longer
than a pair disturbs both. The figure is the ratio of the two medians. Its bounds are those of a
percentile bootstrap over pairs: pairs are drawn again with replacement, and stay pairs.

Where samples come in passes instead, passes are what is paired: the figure is the median of the
ratios of the passes, and passes are drawn again with replacement, then samples within each.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEAST_PAIRS_FOR_BOUNDS = 6
LEAST_PASSES_FOR_BOUNDS = 2
_DRAWS = 2_000
_DRAWS_OF_PASSES = 1_000
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One sample of each side, of whatever unit."""

    ours: float
    theirs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """Ours by theirs.

    Attributes:
        value: The ratio of the medians; below 1 is in our favour.
        low: The lower end of the two-sided 95 % interval; ``None`` if there are too few pairs.
        high: Its upper end: the ratio is above it in one run of forty.
        pairs: How many pairs, or passes, it is of.
    """

    value: float
    low: float | None
    high: float | None
    pairs: int


def ratio_of_medians(pairs: Sequence[Pair], *, seed: int = 0) -> Ratio:
    """Return the ratio of the medians with its 95 % interval.

    The same pairs and the same seed give the same interval.

    Raises:
        ValueError: There are no pairs, or the median of theirs is not positive.
    """
    if not pairs:
        raise ValueError("a ratio needs at least one pair")
    value = _ratio(pairs)
    if len(pairs) < LEAST_PAIRS_FOR_BOUNDS:
        return Ratio(value=value, low=None, high=None, pairs=len(pairs))
    drawing = random.Random(seed)
    drawn = sorted(_ratio(drawing.choices(pairs, k=len(pairs))) for _ in range(_DRAWS))
    tail = (1 - _CONFIDENCE) / 2
    return Ratio(
        value=value,
        low=drawn[int(tail * _DRAWS)],
        high=drawn[_DRAWS - 1 - int(tail * _DRAWS)],
        pairs=len(pairs),
    )


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
    fewest = min(min(len(mine), len(others)) for mine, others in common)
    if len(common) < LEAST_PASSES_FOR_BOUNDS or fewest * len(common) < LEAST_PAIRS_FOR_BOUNDS:
        return Ratio(value=value, low=None, high=None, pairs=len(common))
    drawing = random.Random(seed)
    drawn = sorted(
        median(
            _ratio_of_samples(
                drawing.choices(mine, k=len(mine)), drawing.choices(others, k=len(others))
            )
            for mine, others in drawing.choices(common, k=len(common))
        )
        for _ in range(_DRAWS_OF_PASSES)
    )
    tail = int((1 - _CONFIDENCE) / 2 * _DRAWS_OF_PASSES)
    return Ratio(value=value, low=drawn[tail], high=drawn[-1 - tail], pairs=len(common))


def _ratio_of_samples(ours: Sequence[float], theirs: Sequence[float]) -> float:
    below = median(theirs)
    if below <= 0:
        raise ValueError(f"the median of the other side is {below}, which nothing is a ratio of")
    return median(ours) / below


def _ratio(pairs: Sequence[Pair]) -> float:
    theirs = median(pair.theirs for pair in pairs)
    if theirs <= 0:
        raise ValueError(f"the median of the other side is {theirs}, which nothing is a ratio of")
    return median(pair.ours for pair in pairs) / theirs
