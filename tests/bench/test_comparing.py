"""What is held to be a regression: on runs of which the truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from perdure_bench.comparing import compare, different_conditions

from tests.bench.runs import BACKENDS, MACHINE, passes_of, run_of

if TYPE_CHECKING:
    from perdure_bench.cells import Found


def verdict_of(old: list[Found], new: list[Found]) -> str:
    (change, *_) = [each for each in compare(run_of(old), run_of(new)) if each.cell.way != "native"]
    return change.verdict


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.0, "same"), (1.02, "same"), (1.2, "worse"), (0.8, "better")]
)
def test_a_change_beyond_the_noise_counts(factor: float, verdict: str) -> None:
    assert verdict_of(passes_of(0.1), passes_of(0.1 * factor, seed=1)) == verdict


def test_a_change_within_the_noise_is_not_sure() -> None:
    old, new = passes_of(0.1, spread=0.9, count=4), passes_of(0.12, spread=0.9, count=4, seed=1)
    assert verdict_of(old, new) == "unsure"


def test_of_few_samples_of_a_time_nothing_is_sure() -> None:
    once = passes_of(0.1, passes=1, count=1)
    (change,) = compare(run_of(once), run_of(passes_of(0.2, passes=1, count=1)))
    assert change.ratio == pytest.approx(2, rel=0.5)
    assert (change.low, change.high, change.verdict) == (None, None, "unsure")


def test_passes_that_differ_among_themselves_widen_the_interval() -> None:
    slow_once = [*passes_of(0.1, passes=2), replace_number(passes_of(0.2, passes=1)[0], 3)]
    (change,) = compare(run_of(passes_of(0.1)), run_of(slow_once))
    assert change.high is not None
    assert change.high > 1.9
    assert change.verdict == "unsure"


def replace_number(found: Found, number: int) -> Found:
    return replace(found, cell=replace(found.cell, number=number))


def test_what_the_vendors_own_sdk_shows_too_is_the_machines() -> None:
    old = [*passes_of(0.1), *passes_of(0.08, way="native", seed=2)]
    new = [*passes_of(0.15, seed=1), *passes_of(0.12, way="native", seed=3)]
    assert verdict_of(old, new) == "same"
    assert verdict_of(old, [*passes_of(0.15, seed=1), *passes_of(0.08, way="native")]) == "worse"
    old, new = ([replace(each, unit="1/s") for each in run] for run in (new, old))
    assert verdict_of(old, new) == "same"


def test_less_per_second_is_worse_and_a_lower_edge_too() -> None:
    def rates(per_second: float) -> list[Found]:
        return [replace(each, unit="1/s") for each in passes_of(per_second)]

    def edge(edge_bytes: float) -> list[Found]:
        (found,) = passes_of(1, passes=1, suite="payloads")
        return [replace(found, unit="bytes", samples=[], figures={"edge_bytes": edge_bytes})]

    assert verdict_of(rates(100), rates(50)) == "worse"
    assert verdict_of(edge(4_000_000), edge(2_000_000)) == "worse"
    assert verdict_of(edge(2_000_000), edge(4_000_000)) == "better"


def test_what_failed_now_is_lost_and_what_is_measured_now_is_new() -> None:
    failed = [replace(each, status="failed", samples=[]) for each in passes_of(0.1)]
    assert verdict_of(passes_of(0.1), failed) == "lost"
    assert verdict_of(failed, passes_of(0.1)) == "new"


def test_only_perdures_version_may_differ() -> None:
    run = run_of(passes_of(0.1))
    assert different_conditions(run, replace(run, machine={**MACHINE, "perdure": "0.2.0"})) == []
    other = replace(
        run,
        machine={**MACHINE, "Python": "3.13.1"},
        backends={"dapr": {**BACKENDS["dapr"], "durability": "none", "driver": "1.44.3"}},
        asked={**run.asked, "round_trip": "30ms"},
    )
    assert different_conditions(run, other) == [
        "Python: 3.11.7 then, 3.13.1 now",
        "round_trip: None then, 30ms now",
        "dapr, driver: not said then, 1.44.3 now",
        "dapr, durability: state store sqlite then, none now",
    ]


def test_a_way_that_only_one_run_has_measured_makes_no_difference() -> None:
    run = run_of(passes_of(0.1))
    fastest = {"dapr": {**BACKENDS["dapr"], "perdure-fastest": "record=off: nothing is written"}}
    assert different_conditions(run, replace(run, backends=fastest)) == []
    assert different_conditions(replace(run, backends=fastest), run) == []
