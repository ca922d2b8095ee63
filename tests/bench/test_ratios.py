"""The statistics of a comparison, held to data of which the truth is known."""

from __future__ import annotations

import random

import pytest
from perdure_bench.ratios import LEAST_SAMPLES_FOR_BOUNDS, Ratio, ratio_over_passes

PASSES = 8
SAMPLES = 12

Passes = dict[int, list[float]]


def noisy(
    *, ratio: float, seed: int, drift: float = 0.3, noise: float = 0.05, apart: float = 0.03
) -> tuple[Passes, Passes]:
    """Samples of a machine that is slower or faster for a pass, and noisy in it.

    By ``apart`` the two sides differ from pass to pass besides.
    """
    drawing = random.Random(seed)
    sides: tuple[Passes, Passes] = ({}, {})
    for number in range(PASSES):
        speed = drawing.lognormvariate(0, drift)
        for side, factor in zip(sides, (ratio, 1.0), strict=True):
            level = speed * factor * drawing.lognormvariate(0, apart)
            side[number] = [level * drawing.lognormvariate(0, noise) for _ in range(SAMPLES)]
    return sides


def found(ours: list[list[float]], theirs: list[list[float]]) -> Ratio:
    return ratio_over_passes(dict(enumerate(ours)), dict(enumerate(theirs)))


def test_the_ratio_is_the_middle_one_of_the_passes() -> None:
    assert found([[3], [6], [90]], [[1], [4], [2]]).value == 3
    assert found([[1, 6, 7]], [[1, 3, 70]]).value == 2


def test_only_passes_of_both_sides_count() -> None:
    assert ratio_over_passes({1: [2.0], 2: [8.0]}, {2: [4.0], 3: [1.0]}).value == 2


def test_what_disturbs_both_sides_of_a_pass_does_not_widen_the_bounds() -> None:
    drawing = random.Random(1)
    speeds = [drawing.lognormvariate(0, 1) for _ in range(PASSES)]
    theirs = [[each] * SAMPLES for each in speeds]
    ratio = found([[1.05 * each for each in samples] for samples in theirs], theirs)
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((1.05, 1.05, 1.05))


@pytest.mark.parametrize("truth", [1.0, 1.2])
def test_the_interval_holds_the_truth_as_often_as_it_says(truth: float) -> None:
    runs = 60
    ratios = [ratio_over_passes(*noisy(ratio=truth, seed=seed)) for seed in range(runs)]
    held = sum(each.low <= truth <= each.high for each in ratios if each.low and each.high)
    assert held / runs >= 0.9


def test_the_interval_is_narrow_enough_to_tell_a_tenth() -> None:
    for seed in range(20):
        ratio = ratio_over_passes(*noisy(ratio=1.2, seed=seed, noise=0.02, apart=0.01))
        assert ratio.low
        assert ratio.high
        assert 1.1 < ratio.low < ratio.value < ratio.high < 1.3


def test_the_same_passes_give_the_same_interval() -> None:
    sides = noisy(ratio=1.1, seed=7)
    assert ratio_over_passes(*sides) == ratio_over_passes(*sides)


def test_few_samples_have_a_ratio_and_no_interval() -> None:
    half = LEAST_SAMPLES_FOR_BOUNDS // 2
    few = [[1.0] * (half - 1), [1.0] * half]
    enough = [[1.0] * half, [1.0] * half]
    assert (found(few, enough).low, found(enough, few).high) == (None, None)
    assert found(enough[:1], [[1.0] * 100]).low is None
    assert found(enough, enough).high == 1.0


def test_without_a_common_pass_there_is_no_ratio() -> None:
    with pytest.raises(ValueError, match="at least one pass"):
        ratio_over_passes({1: [1.0]}, {2: [1.0]})


def test_nothing_is_a_ratio_of_zero() -> None:
    with pytest.raises(ValueError, match=r"is 0\.0"):
        ratio_over_passes({1: [1.0]}, {1: [0.0]})
