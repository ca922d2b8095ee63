"""The statistics of a comparison, held to data of which the truth is known."""

from __future__ import annotations

import random

import pytest
from perdure_bench.ratios import LEAST_PAIRS_FOR_BOUNDS, Pair, ratio_of_medians

PAIRS = 24


def noisy(
    *, ratio: float, seed: int, pairs: int = PAIRS, drift: float = 0.3, noise: float = 0.05
) -> list[Pair]:
    """Pairs of a machine that is slower or faster for as long as a pair takes, and noisy in it."""
    drawing = random.Random(seed)
    made = []
    for _ in range(pairs):
        speed = drawing.lognormvariate(0, drift)
        ours, theirs = (speed * drawing.lognormvariate(0, noise) for _ in range(2))
        made.append(Pair(ours=ours * ratio, theirs=theirs))
    return made


def test_the_ratio_is_that_of_the_medians() -> None:
    pairs = [Pair(ours=ours, theirs=theirs) for ours, theirs in ((3, 1), (6, 4), (90, 2))]
    assert ratio_of_medians(pairs).value == 6 / 2


def test_what_disturbs_both_sides_of_a_pair_does_not_widen_the_bounds() -> None:
    drawing = random.Random(1)
    theirs = [drawing.lognormvariate(0, 1) for _ in range(PAIRS)]
    found = ratio_of_medians([Pair(ours=1.05 * each, theirs=each) for each in theirs])
    assert (found.low, found.value, found.high) == pytest.approx((1.05, 1.05, 1.05))


@pytest.mark.parametrize("ratio", [1.0, 1.2])
def test_the_interval_holds_the_truth_as_often_as_it_says(ratio: float) -> None:
    runs = 80
    found = [ratio_of_medians(noisy(ratio=ratio, seed=seed)) for seed in range(runs)]
    held = sum(each.low <= ratio <= each.high for each in found if each.low and each.high)
    above = sum(each.high < ratio for each in found if each.high)
    assert 0.92 <= held / runs <= 1
    assert above / runs <= 0.05


def test_the_interval_is_narrow_enough_to_tell_a_tenth() -> None:
    for seed in range(20):
        found = ratio_of_medians(noisy(ratio=1.2, seed=seed, drift=0.02, noise=0.02))
        assert found.low
        assert found.high
        assert 1.1 < found.low < found.value < found.high < 1.3


def test_the_same_pairs_give_the_same_interval() -> None:
    pairs = noisy(ratio=1.1, seed=7)
    assert ratio_of_medians(pairs) == ratio_of_medians(pairs)


def test_few_pairs_have_a_ratio_and_no_interval() -> None:
    found = ratio_of_medians(noisy(ratio=1.0, seed=1, pairs=LEAST_PAIRS_FOR_BOUNDS - 1))
    assert (found.low, found.high) == (None, None)
    assert ratio_of_medians(noisy(ratio=1.0, seed=1, pairs=LEAST_PAIRS_FOR_BOUNDS)).high


def test_no_pairs_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        ratio_of_medians([])


def test_nothing_is_a_ratio_of_zero() -> None:
    with pytest.raises(ValueError, match=r"is 0\.0"):
        ratio_of_medians([Pair(ours=1.0, theirs=0.0)])
