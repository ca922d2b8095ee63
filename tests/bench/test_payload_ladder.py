"""The ladder of payload sizes: which sizes it tries, and where it says that the edge is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from perdure_bench.payloads.kinds import KINDS, expected, pieces_of, rungs_of, text_of
from perdure_bench.payloads.ladder import Edge, Ladder, climb, in_words
from perdure_bench.payloads.probing import Probed
from perdure_bench.payloads.published import PUBLISHED, published_for
from perdure_bench.payloads.ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure_bench.payloads.probing import Outcome

RUNGS = (1_000, 10_000, 100_000, 200_000, 400_000)


def limited(limit: int, beyond: Outcome = "refused") -> Callable[[int], Probed]:
    """Return the probe of a backend that takes so much."""

    def probe(size: int) -> Probed:
        outcome: Outcome = "accepted" if size <= limit else beyond
        words = "" if outcome == "accepted" else "too large"
        return Probed(bytes=size, outcome=outcome, seconds=0.01, where="client", words=words)

    return probe


@pytest.mark.parametrize("limit", [1_000, 12_345, 99_999, 100_000, 399_999])
def test_the_edge_is_found_within_two_hundredths(limit: int) -> None:
    edge = climb(limited(limit), RUNGS).edge
    assert edge.beyond is not None
    assert edge.accepted <= limit < edge.beyond
    assert edge.beyond - edge.accepted <= 0.02 * edge.beyond
    assert edge.then == "refused"


def test_without_a_limit_there_is_no_edge() -> None:
    ladder = climb(limited(10**9), RUNGS)
    assert ladder.edge == Edge(accepted=400_000)
    assert len(ladder.probes) == len(RUNGS)
    assert in_words(ladder) == "all sizes passed, up to 400,000 bytes"


def test_a_backend_that_takes_nothing_has_its_edge_at_zero() -> None:
    ladder = climb(limited(0), RUNGS)
    assert ladder.edge == Edge(accepted=0, then="refused", beyond=1_000)
    assert in_words(ladder) == "no size passed; 1,000 bytes are refused (client): too large"


@pytest.mark.parametrize("beyond", ["hung", "lost"])
def test_beyond_two_sizes_without_an_end_nothing_is_tried(beyond: Outcome) -> None:
    tried = [probed.bytes for probed in climb(limited(50_000, beyond), RUNGS).in_order]
    assert {100_000, 200_000} <= {*tried}
    assert 400_000 not in tried


def test_beyond_three_sizes_refused_alike_nothing_is_tried() -> None:
    tried = {probed.bytes for probed in climb(limited(5_000), RUNGS).probes}
    assert tried >= {10_000, 100_000, 200_000}
    assert 400_000 not in tried


def test_a_size_that_failed_below_one_that_passed_is_tried_again() -> None:
    tried: list[int] = []

    def probe(size: int) -> Probed:
        tried.append(size)
        outcome: Outcome = "lost" if tried == [1_000, 10_000] else "accepted"
        return Probed(bytes=size, outcome=outcome, seconds=0, words="gone" * (outcome == "lost"))

    ladder = climb(probe, RUNGS)
    assert ladder.edge == Edge(accepted=400_000)
    assert ladder.in_order[1].before == "lost gone"
    assert tried == [*RUNGS, 10_000]


def test_another_refusal_is_news() -> None:
    def probe(size: int) -> Probed:
        outcome: Outcome = "accepted" if size < 5_000 else "stalled" if size < 50_000 else "refused"
        return Probed(bytes=size, outcome=outcome, seconds=0)

    assert climb(probe, RUNGS).in_order[-1].bytes == 400_000


def test_the_first_size_that_does_not_pass_counts() -> None:
    outcomes: dict[int, Outcome] = {1: "accepted", 2: "changed", 3: "accepted"}
    probes = [Probed(bytes=n, outcome=outcome, seconds=0) for n, outcome in outcomes.items()]
    assert Ladder(probes).edge == Edge(accepted=1, then="changed", beyond=2)


@pytest.mark.parametrize("size", [2, 3, 1_024, 3 << 20])
def test_a_size_is_that_of_the_json(size: int) -> None:
    assert len(json.dumps(text_of(size))) == size


def test_a_history_has_results_of_a_hundred_kilobytes() -> None:
    assert pieces_of(250_000) == [100_000, 100_000, 50_000]
    assert expected("cumulative history", 250_000) != expected("cumulative history", 250_001)
    assert all(size > 400_000 for size in rungs_of("cumulative history", is_native=True))


def test_limits_have_a_source_and_a_way() -> None:
    assert all(each.source for each in PUBLISHED)
    for backend, ways in WAYS.items():
        for way in ways:
            assert any(published_for(backend, kind, way) for kind in KINDS), (backend, way)


def test_the_limit_of_the_sidecar_is_that_of_the_way() -> None:
    def limits(way: str, *, is_given: bool = False) -> set[int]:
        listed = published_for("dapr", "activity input", way, is_given=is_given)
        return {each.bytes for each in listed}

    assert limits("native") == {2 << 20, 64 << 20}
    assert limits("native-4MiB") == {2 << 20, 4 << 20}
    assert limits("native", is_given=True) == {2 << 20}
