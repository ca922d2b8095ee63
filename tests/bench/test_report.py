"""What a report says: each section from cells that are made up, and what it must never say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from perdure_bench.cells import NATIVE, PERDURE, Cell, Found
from perdure_bench.cost.prices import Prices
from perdure_bench.report.charts.canvas import Canvas
from perdure_bench.report.charts.distributions import Panel, Row, draw_distributions
from perdure_bench.report.making import IN_TABLE, make_report
from perdure_bench.report.writing import as_html, as_markdown
from perdure_bench.run_folder import Noise

from tests.bench import report_runs
from tests.bench.report_runs import run_with, whole_run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from perdure_bench.report.blocks import Report

# Charts are drawn.
pytestmark = pytest.mark.timeout(120)

STAND_IN_MEDIAN = 0.07654
PRICES = Prices(
    price_per_million_actions=3.0,
    price_per_unit_hour=1.0,
    price_per_vcpu_hour=0.05,
    price_per_gib_hour=0.01,
    currency="EUR",
)


@pytest.fixture(scope="module")
def whole() -> tuple[Report, str, str]:
    """Return a report of every suite, with its page and its Markdown."""
    report = make_report(whole_run(), measured_on="2026-11-28", prices=PRICES)
    return report, as_html(report), as_markdown(report)


def summary_of(cells: list[Found], **given: Any) -> str:
    """Return the summary of a report of these cells, as one text."""
    summary = make_report(run_with(cells, **given)).summary
    return " ".join(sentence for sentences in summary.values() for sentence in sentences)


def shown(html: str) -> str:
    """Return a page without the raw data in it."""
    return re.sub(r'<script type="application/json".*?</script>', "", html, flags=re.DOTALL)


def azure_latency(way: str, seconds: float) -> list[Found]:
    """Return passes of one measurement on Azure."""
    cell = Cell(suite="latency", workload="chain of 10", backend="azure", way=way)
    return [
        Found(cell=replace(cell, number=number), samples=[seconds] * 20, figures={"x": seconds})
        for number in (1, 2, 3)
    ]


def test_every_section_has_what_was_measured(whole: tuple[Report, str, str]) -> None:
    report, html, _ = whole
    assert [section.name for section in report.sections if section.is_empty] == []
    for chart in (
        *("latency-chain-of-10", "latency-on-stand-in", "overhead-dapr", "overhead-azure"),
        *("actions", "round-trips", "throughput", "cpu", "memory", "cost"),
    ):
        assert f'<figure id="chart-{chart}">' in html
    assert "accepted up to 2 MiB, then hung at the client" in html
    assert "agent with 20 tool calls" in html


def test_both_forms_list_what_failed_and_why(whole: tuple[Report, str, str]) -> None:
    for text in whole[1:]:
        assert "native on dapr did not run within 120 s" in text
        assert "gave no figure" in text


def test_a_page_loads_nothing_and_its_ids_are_unique(whole: tuple[Report, str, str]) -> None:
    html = whole[1]
    assert "default-src 'none'" in html
    assert re.findall(r'\b(?:src|href)="(?!#)[^"]*"', html) == []
    assert "url(http" not in html
    ids = re.findall(r'\bid="([^"]+)"', shown(html))
    assert len(ids) == len(set(ids))
    assert re.findall(r"#0[0-9a-f]0[0-9a-f]0[0-9a-f]", html) == []


def test_each_drawing_has_words_for_who_cannot_see_it(whole: tuple[Report, str, str]) -> None:
    html = whole[1]
    assert html.count('role="img"') == html.count("</title><desc") == html.count("</desc>")
    assert "Dapr, perdure, 1 client: median" in html


def test_the_raw_data_is_the_run(whole: tuple[Report, str, str]) -> None:
    found = re.search(r'id="run-data">(.*?)</script>', whole[1], re.DOTALL)
    assert found
    content = json.loads(found[1])
    assert len(content["cells"]) == len(whole_run().cells)
    assert content["cells"][0]["samples"] == whole_run().cells[0].samples
    assert "/root/secret" not in found[1]


def test_an_empty_run_says_of_each_section_what_it_needs() -> None:
    report = make_report(run_with([]))
    empty = [section for section in report.sections if section.is_empty]
    assert [section.name for section in empty] == [
        *("latency", "overhead", "payloads", "actions", "round-trips", "throughput", "cost"),
    ]
    page = as_html(report)
    assert "--suite latency" in page
    assert "Nothing that was measured gave a figure." in page


def test_without_prices_the_costs_say_which_are_needed() -> None:
    page = as_html(make_report(run_with(report_runs.actions())))
    assert "--price-per-million-actions" in page
    assert "azure.microsoft.com/pricing" in page
    assert 'id="chart-cost"' not in page


def test_words_of_a_backend_are_shown_and_never_run() -> None:
    evil = "<script>alert(1)</script> | `x` [a](b)"
    failed = Found(
        cell=Cell(suite="latency", workload=evil, backend="dapr", way=PERDURE),
        status="failed",
        note=evil,
    )
    (ladder, *_) = report_runs.ladders()
    ladder.details["ladder"][-1] |= {"words": evil, "outcome": "refused"}
    ladder.details["edge"] |= {"then": "refused", "beyond": ladder.details["ladder"][-1]["bytes"]}
    drawn = replace(report_runs.latencies()[0])
    drawn = replace(drawn, cell=replace(drawn.cell, workload=evil))
    report = make_report(run_with([failed, ladder, drawn]))
    html, markdown = as_html(report), as_markdown(report)
    assert "<script>alert" not in html
    assert html.count("<script") == 2
    assert "&lt;script&gt;alert(1)" in html
    assert "\\<script\\>alert(1)\\</script\\> \\| \\`x\\`" in markdown
    assert "<script>" not in markdown


@pytest.mark.parametrize("suite", ["latency", "throughput", "agents"])
def test_no_time_of_the_stand_in_is_shown(suite: str) -> None:
    unit, value = ("1/s", 76.54) if suite == "throughput" else ("s", STAND_IN_MEDIAN)
    cells = [
        replace(found, cell=replace(found.cell, suite=suite), unit=unit)
        for way in (PERDURE, NATIVE)
        for found in azure_latency(way, value)
    ]
    report = make_report(run_with(cells))
    for text in (shown(as_html(report)), as_markdown(report)):
        assert "76.5" not in text
        assert "not the service" in text or "its own" in text
    mine = {**report_runs.CONDITIONS, "azure": {"is_stand_in": "no"}}
    assert "76.5" in shown(as_html(make_report(run_with(cells, backends=mine))))


def test_what_is_not_said_to_be_the_service_is_the_stand_in() -> None:
    cells = azure_latency(PERDURE, STAND_IN_MEDIAN)
    page = as_html(make_report(run_with(cells, backends={"azure": {}})))
    assert "76.5" not in shown(page)


def test_an_added_round_trip_is_said_where_it_counts() -> None:
    azure = {**report_runs.CONDITIONS["azure"], "round trip": "30ms"}
    cells = [*azure_latency(PERDURE, 0.2), *azure_latency(NATIVE, 0.1)]
    report = make_report(run_with(cells, backends={"azure": azure}))
    said = [section.name for section in report.sections if "30ms was added" in repr(section)]
    assert said == ["latency", "overhead"]


@pytest.mark.parametrize(
    ("ours", "words"),
    [(1.3, "slower in 14 of 14"), (0.7, "faster in 14 of 14"), (1.0, "not shown to differ in")],
)
def test_the_summary_follows_the_data(ours: float, words: str) -> None:
    speeds = {PERDURE: ours, NATIVE: 1.0}
    cells = [
        each
        for each in report_runs.latencies(count=30, speeds=speeds)
        if each.cell.backend == "dapr"
        and each.cell.clients in (1, 30)
        and "kill" not in each.cell.workload
    ]
    doubled = [
        replace(each, cell=replace(each.cell, workload="another chain"))
        for each in cells
        if each.cell.workload == "chain of 10"
    ]
    assert f"Beside Dapr's SDK on Dapr, perdure at its defaults is {words}" in summary_of(
        [*cells, *doubled]
    )


def test_the_summary_of_actions_follows_the_counts() -> None:
    def counts(ours: float, theirs: float) -> list[Found]:
        return [
            Found(
                cell=Cell(suite="actions", workload="timer", backend="azure", way=way),
                unit="actions",
                figures={"actions.published": count},
            )
            for way, count in ((PERDURE, ours), (NATIVE, theirs))
        ]

    assert "more in timer (4 beside 3)" in summary_of(counts(4, 3))
    assert "fewer in timer (3 beside 4)" in summary_of(counts(3, 4))
    assert "as many actions as Microsoft's SDK in 1 of 1 pattern" in summary_of(counts(3, 3))


def test_the_summary_of_limits_follows_the_edges() -> None:
    ladders = report_runs.ladders()
    assert "the lowest limit is that of activity input, 2 MiB" in summary_of(ladders)
    without = [each for each in ladders if each.cell.workload != "activity input"]
    assert "the lowest limit is that of event, 3.80 MiB" in summary_of(without)


def test_a_ladder_says_in_short_what_is_beyond_its_edge() -> None:
    probes = [
        (1024, "accepted", ""),
        (
            2048,
            "stalled",
            "perdure.errors.ActivityError: it failed: perdure.errors.PayloadError: x",
        ),
        (4096, "refused", "RESOURCE_EXHAUSTED: larger than max"),
    ]
    cell = Cell(suite="payloads", workload="event", backend="dapr", way=PERDURE)
    details = {
        "ladder": [
            {"bytes": size, "outcome": outcome, "words": words, "where": "client", "seconds": 1.0}
            for size, outcome, words in probes
        ],
        "edge": {"accepted": 1024, "then": "stalled", "beyond": 2048},
    }
    html = as_html(make_report(run_with([Found(cell=cell, unit="bytes", details=details)])))
    said = "accepted up to 1 KiB, then stalled at the client: PayloadError; larger ones: refused"
    assert said in html


def test_noise_is_said_with_its_measure() -> None:
    noisy = [Noise(number=1, spread=0.9, stolen=0.12), Noise(number=2, spread=0.01, stolen=0.0)]
    (_, caution) = make_report(run_with([], noise=noisy)).cautions
    assert "noisy before pass 1 (the slow tenth of equal work took 90% longer, 12%" in caution
    assert all("noisy" not in each for each in make_report(run_with([])).cautions)
    many = [replace(noisy[0], number=number, suites=["peers"]) for number in range(1, 5)]
    (_, caution) = make_report(run_with([], noise=[*many, noisy[1]])).cautions
    assert "noisy before 4 of 5 passes" in caution
    (_, caution) = make_report(run_with([], noise=many[:1])).cautions
    assert "noisy before pass 1 of peers (" in caution


def test_a_percentile_needs_its_samples() -> None:
    def told(count: int) -> tuple[str, ...]:
        cell = Cell(suite="latency", workload="event", backend="dapr", way=PERDURE)
        run = run_with([Found(cell=cell, samples=[0.01] * count)])
        (section, *_) = make_report(run).sections
        (row,) = next(block.rows for block in section.blocks if hasattr(block, "rows"))
        return row[5:7]

    assert told(19) == ("too few", "too few")
    assert told(99) == ("10.0 ms", "too few")
    assert told(100) == ("10.0 ms", "10.0 ms")


def _row(label: str) -> Row:
    return Row(
        label=label,
        backend="azure",
        way="perdure",
        samples=[1.0, 2.0],
        middle=1.5,
        p95=None,
        p99=None,
        value="1.50 s",
    )


def test_a_row_is_at_the_height_of_its_label_in_every_panel() -> None:
    panels = [
        Panel(title="1 client", rows=[_row("start"), _row("cold start"), _row("chain")]),
        Panel(title="30 clients", rows=[_row("start"), _row("chain")]),
    ]
    figure = Figure()
    FigureCanvasSVG(figure)
    draw_distributions(panels)(Canvas(figure=figure, is_narrow=False))
    one, thirty = figure.axes
    assert [text.get_text() for text in one.get_yticklabels()] == ["start", "cold start", "chain"]
    assert _heights(thirty) == [_heights(one)[0], _heights(one)[2]]


def _heights(axes: Axes) -> list[float]:
    """Return the heights of the marks of medians."""
    marks = [line for line in axes.lines if line.get_marker() == "o"]
    return [float(np.asarray(line.get_ydata())[0]) for line in marks]


def test_the_short_table_is_of_workloads_that_were_measured() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for name in IN_TABLE:
        assert f"| {name} | 1 | Embedded | perdure |" in documented
