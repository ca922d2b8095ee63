"""Cost: units, plans, break-even, the chart; by prices that are made up here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from perdure_bench.cells import Cell, Found
from perdure_bench.cost.break_even import Curve, break_even
from perdure_bench.cost.chart import chart, short
from perdure_bench.cost.measured import measured_in
from perdure_bench.cost.plans import plans_of
from perdure_bench.cost.prices import Prices, read_prices
from perdure_bench.cost.statement import Row, statement
from perdure_bench.cost.usage import SECONDS_PER_MONTH, Usage

from perdure.errors import ConfigurationError
from tests.bench.runs import run_of

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_bench.cost.statement import Statement

GIBIBYTE = 2**30
PRICES = Prices(price_per_million_actions=10.0, price_per_unit_hour=1.0)
MACHINES = Prices(
    price_per_million_actions=10.0,
    price_per_unit_hour=1.0,
    price_per_vcpu_hour=0.36,
    price_per_gib_hour=0.01,
)


def usage(
    instances: float, *, published: float = 10, metrics: float = 10, peak: float = 1
) -> Usage:
    """Return a usage of ten actions per instance."""
    return Usage(
        source="a test",
        published=published,
        metrics=metrics,
        instances_per_month=instances,
        peak_factor=peak,
    )


def chains(backend: str, **given: Any) -> Found:
    """Return a cell of 30 chains of 10 activities at once: 630 actions."""
    job = {"shape": "chain", "size": 10, "instances": 30, "clients": 30}
    figures = {"cpu_seconds.worker": 6.3, "memory_bytes.worker": GIBIBYTE}
    if backend != "embedded":
        figures |= {"cpu_seconds.server": 12.6, "memory_bytes.server": 2 * GIBIBYTE}
    cell = Cell(suite="latency", workload="chain of 10", backend=backend, way="perdure", clients=30)
    return Found(**{"cell": cell, "figures": figures, "details": {"job": job}, **given})


def row(found: Statement, plan: str) -> Row:
    """Return the row of a plan."""
    (only,) = (each for each in found.rows if each.plan == plan)
    return only


def test_consumption_costs_by_the_action_and_both_counts_give_a_range() -> None:
    found = statement(usage(1_000_000, published=2, metrics=3), PRICES, {})
    assert found.actions_per_month == (2e6, 3e6)
    assert row(found, "DTS Consumption").total == (20.0, 30.0)


@pytest.mark.parametrize(
    ("rate", "units", "of_available"),
    [(1, 1, 3), (2_000, 1, 3), (2_001, 2, 3), (5_999, 3, 3)],
)
def test_units_are_those_that_the_rate_needs(rate: float, units: int, of_available: int) -> None:
    found = statement(usage(rate * SECONDS_PER_MONTH / 10), PRICES, {})
    assert row(found, "DTS Dedicated").units == (units, units)
    assert row(found, "DTS Dedicated").total == (units * 730, units * 730)
    assert row(found, "DTS Dedicated, 3 units").units == (of_available, of_available)


def test_a_plan_that_does_not_take_the_peak_has_no_cost() -> None:
    spread = statement(usage(400 * SECONDS_PER_MONTH / 10), PRICES, {})
    assert row(spread, "DTS Consumption").total is not None
    peak = statement(usage(400 * SECONDS_PER_MONTH / 10, peak=20), PRICES, {})
    assert peak.actions_per_second[0] == pytest.approx(8_000)
    for plan, most in (("DTS Consumption", "500"), ("DTS Dedicated", "6,000")):
        found = row(peak, plan)
        assert (found.is_enough, found.total, found.units) == (False, None, None)
        assert f"at most {most} actions a second" in found.notes[0]


def test_without_prices_all_that_needs_none_is_there() -> None:
    found = statement(usage(2_500 * SECONDS_PER_MONTH / 10), Prices(), {})
    assert row(found, "DTS Dedicated").units == (2, 2)
    assert all(each.total is None for each in found.rows)
    assert found.needs == ["price_per_million_actions", "price_per_unit_hour"]
    assert (found.break_evens, found.curves) == ([], [])


def test_self_hosted_costs_processors_that_are_used_and_memory_all_month() -> None:
    measured = measured_in(run_of([chains("dapr"), chains("embedded"), chains("azure")]))
    found = statement(usage(1_000_000), MACHINES, measured)
    memory, per_cpu_second = 730 * 0.01, 0.36 / 3_600
    # Ten million actions, of a hundredth of a processor second in the worker, twice as much beside.
    worker, server = 1e5 * per_cpu_second, 2e5 * per_cpu_second
    assert row(found, "Dapr").service == pytest.approx((server + 2 * memory,) * 2)
    assert row(found, "Dapr").workers == pytest.approx((worker + memory,) * 2)
    assert row(found, "embedded engine").total == pytest.approx((worker + memory,) * 2)
    assert row(found, "embedded engine").service == (0.0, 0.0)
    # Of the stand-in only the worker counts: the scheduler's own processors are in its price.
    assert row(found, "DTS Consumption").total == pytest.approx((100 + worker + memory,) * 2)


def test_more_workers_need_more_memory() -> None:
    measured = measured_in(run_of([chains("embedded")]))
    (plan,) = [
        each
        for each in plans_of(MACHINES, peak_factor=1, measured=measured)
        if each.name == "embedded engine"
    ]
    # At 150 actions a second one worker would be busy for one and a half seconds in each.
    actions = 150 * SECONDS_PER_MONTH
    cpu = actions * 0.01 * 0.36 / 3_600
    assert plan.total(actions / 10, 10) == pytest.approx(cpu + 2 * 730 * 0.01)


def test_unlike_is_not_compared() -> None:
    measured = measured_in(run_of([chains("dapr")]))
    found = statement(usage(1_000_000), MACHINES, measured)
    assert "Dapr" not in [each.plan for each in found.break_evens]
    assert "Dapr" not in [each.plan for each in found.curves]
    assert any("not compared" in note for note in row(found, "Dapr").notes)


def test_what_failed_or_is_no_chain_is_not_measured() -> None:
    failed = chains("dapr", status="failed")
    other = chains("dapr", details={"job": {"shape": "event", "size": 1, "instances": 1}})
    assert measured_in(run_of([failed, other])) == {}


def test_dedicated_is_cheaper_from_where_actions_cost_as_much_as_a_unit() -> None:
    found = statement(usage(1_000, published=10, metrics=20), PRICES, {})
    (one, three) = found.break_evens
    # 730 a month buy 73 million actions.
    assert one.by_published == pytest.approx(7_300_000)
    assert one.by_metrics == pytest.approx(3_650_000)
    assert three.by_published == pytest.approx(3 * 7_300_000)
    assert not one.is_end


def test_what_ends_is_taken_over_by_what_goes_on() -> None:
    cheap = Prices(price_per_million_actions=0.01, price_per_unit_hour=1.0)
    (one, _) = statement(usage(1_000), cheap, {}).break_evens
    assert one.is_end
    assert one.by_published == pytest.approx(500 * SECONDS_PER_MONTH / 10)


def test_break_even_is_the_last_crossing() -> None:
    def stepped(volume: float) -> float:
        return 10.0 if volume < 50 else 100.0

    assert break_even(stepped, lambda volume: volume) == pytest.approx(100, rel=1e-6)
    assert break_even(lambda _: 5.0, lambda _: 1.0) is None
    # Cheaper for a while, and then no more.
    assert break_even(stepped, lambda volume: min(volume, 80.0)) is None
    assert break_even(lambda _: 1.0, lambda _: 5.0) == 1.0
    # It is cheaper up to where it ends.
    assert break_even(lambda v: 5.0 if v < 100 else None, lambda v: v) == pytest.approx(5)


def test_curves_end_where_plans_do() -> None:
    found = statement(usage(1_000_000), PRICES, {})
    ends = {curve.plan: curve.points[-1][0] for curve in found.curves}
    assert ends["DTS Consumption"] <= 500 * SECONDS_PER_MONTH / 10
    assert ends["DTS Consumption"] < ends["DTS Dedicated"] <= 6_000 * SECONDS_PER_MONTH / 10


def test_the_chart_is_drawn_to_its_width() -> None:
    flat = Curve(plan="a", points=[(10.0**n, 1.0, 1.0) for n in range(7)])
    steep = Curve(plan="b", points=[(10.0**n, 10.0**n, 10.0**n) for n in range(7)])
    lines = ["".join(text for text, _ in line) for line in chart(
        [flat, steep], marks="AB", at=1e3, width=60
    )]  # fmt: skip
    assert max(map(len, lines)) <= 60
    drawn = [line.partition("|")[2] for line in lines[:-2]]
    assert [line.rstrip()[-1:] for line in drawn if line.strip()] == ["B"] * 6 + ["A"]
    assert lines[-2].index("^") == pytest.approx(10 + 25, abs=1)
    assert lines[-1].split()[0] == "1"
    assert lines[-1].split()[-1] == "1M"
    assert chart([], marks="", at=1, width=60) == []


def test_numbers_are_short() -> None:
    assert [short(n) for n in (0.5, 1_234, 2.5e6, 1e12)] == ["0.5", "1.23k", "2.5M", "1T"]


def test_prices_are_read_from_files_and_an_option_wins(tmp_path: Path) -> None:
    assert read_prices(tmp_path, {}) == Prices()
    (tmp_path / "pyproject.toml").write_text(
        "[tool.perdure.cost]\nprice_per_unit_hour = 2\nprice_per_vcpu_hour = 3\n"
    )
    (tmp_path / "perdure.toml").write_text('[cost]\nprice_per_unit_hour = 4.5\ncurrency = "EUR"\n')
    given = {"price_per_million_actions": 7, "price_per_gib_hour": None}
    assert read_prices(tmp_path, given) == Prices(
        price_per_million_actions=7.0,
        price_per_unit_hour=4.5,
        price_per_vcpu_hour=3.0,
        currency="EUR",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[cost]\nprice = 1\n", "price of .cost. in perdure.toml.*no such price; known: price_per"),
        ("[cost]\nprice_per_unit_hour = 'a'\n", "price_per_unit_hour.*a number from 0 on, got 'a'"),
        ("[cost]\nprice_per_unit_hour = -1\n", "got -1"),
        ("[cost]\nprice_per_unit_hour = nan\n", "got nan"),
        ("[cost]\nprice_per_unit_hour = true\n", "got True"),
        ("[cost]\ncurrency = 1\n", "currency.*must be text"),
        ("cost = 1\n", "must be a table"),
        ("[cost\n", "cannot be read"),
    ],
)
def test_a_wrong_price_is_told(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "perdure.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_prices(tmp_path, {})
