"""Round trips: measured on a slowed wire, held to counted calls, and what is made of them."""

from __future__ import annotations

import pytest
from perdure_bench.calls import Calls
from perdure_bench.round_trips import (
    MODELLED_SECONDS,
    WORDS,
    doubts,
    in_words,
    measured,
    modelled,
    nearest,
    per_step,
    total_of,
)

_CHAIN_OF_TWO = {
    "StartInstance": 1.0,
    "CompleteOrchestratorTask": 3.0,
    "CompleteActivityTask": 2.0,
    "WaitForInstanceCompletion": 1.0,
    "GetInstance": 1.0,
}


def test_what_takes_longer_by_four_added_round_trips_has_four() -> None:
    found = measured(plain_seconds=0.01, slow_seconds=0.33, round_trip_seconds=0.08)
    assert found == pytest.approx(4.0)


def test_nothing_added_shows_nothing() -> None:
    with pytest.raises(ValueError, match="takes longer"):
        measured(plain_seconds=0.01, slow_seconds=0.33, round_trip_seconds=0)


@pytest.mark.parametrize(("found", "total"), [(4.18, 4.0), (1.44, 1.5), (2.76, 3.0), (0.1, 0.0)])
def test_ways_there_and_back_come_as_halves(found: float, total: float) -> None:
    assert nearest(found) == total


def test_a_step_is_what_the_others_add() -> None:
    assert per_step(whole=22, of_one_step=4, steps=10) == 2
    with pytest.raises(ValueError, match="nothing of the next"):
        per_step(whole=4, of_one_step=4, steps=1)


def test_modelled_latency_is_round_trips_times_their_time() -> None:
    found = {each.where: each.seconds for each in modelled(22)}
    assert found == {where: pytest.approx(22 * each) for where, each in MODELLED_SECONDS.items()}
    assert list(found) == ["the same region", "another region", "another cloud"]


def test_words_say_each_place_and_leave_the_services_own_share_open() -> None:
    said = in_words(22, what="A chain of 10")
    assert said.startswith("A chain of 10: 22 round trips in sequence, 22 ms with the scheduler in")
    assert "660 ms with the scheduler in another region (30 ms each)" in said
    assert "1.76 s with the scheduler in another cloud (80 ms each)" in said
    assert said.endswith("and the service's own time")
    assert "not measured" in WORDS
    assert "not known" in WORDS


@pytest.mark.parametrize(
    ("found", "counted", "looks", "total", "words"),
    [
        (4.1, 4.0, 0, 4, ""),
        (23.3, 22.0, 1, 22, ""),  # noise, of 44 waits
        (5.04, None, 0, 5, ""),
        (5.24, None, 0, 5, "5.24 were measured, which is near no half or whole"),
        (2.93, 2.0, 1, 3, "come to 2, the time to 3: calls that only look come before them (1)"),
        (2.93, 2.0, 0, 3, "come to 2, the time to 3"),
        (30.1, 22.0, 1, 30, "come to 22, the time to 30"),
    ],
)
def test_a_count_holds_if_the_time_bears_it_out_and_a_difference_is_said(
    found: float, counted: float | None, looks: float, total: float, words: str
) -> None:
    assert total_of(measured=found, counted=counted, looks=looks) == total
    said = doubts(measured=found, counted=counted, looks=looks)
    assert said.endswith(words)
    assert bool(said) == bool(words)


def test_calls_that_move_an_instance_on_are_the_round_trips_in_sequence() -> None:
    calls = Calls(by_method=_CHAIN_OF_TWO, sent={"activities": 2.0})
    assert (calls.in_sequence, calls.looks) == (6, 1)
    assert calls.figures["calls.StartInstance"] == 1
    assert calls.figures["sent.activities"] == 2


def test_calls_are_those_between_two_looks_by_instance() -> None:
    before = Calls(by_method={"GetWorkItems": 1, "StartInstance": 2}, sent={"pings": 3})
    after = Calls(
        by_method={"GetWorkItems": 1, "StartInstance": 8}, sent={"pings": 3, "activities": 3}
    )
    found = (after - before).each_of(3)
    assert found == Calls(by_method={"StartInstance": 2.0}, sent={"activities": 1.0})
