"""Latency: how long each thing takes, and how long its slow end."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE
from perdure_bench.report.blocks import Caution, Legend, Section, Table, Text
from perdure_bench.report.charts.canvas import chart
from perdure_bench.report.charts.distributions import Panel, Row, draw_distributions
from perdure_bench.report.measurements import (
    LEAST_FOR_P95,
    LEAST_FOR_P99,
    by_workload,
    unique,
)
from perdure_bench.report.sections.legends import series
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import (
    backend_name,
    counted,
    listed,
    seconds,
    times,
    way_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.report.blocks import Block, Chart
    from perdure_bench.report.measurements import Measurement, Measurements

SUITE = "latency"
_TITLE = "Latency"
STAND_IN = (
    "Azure ran on perdure's stand-in for Durable Task Scheduler, which is not the service: its "
    "times are its own. So they are shown only as multiples of the median of Microsoft's SDK on "
    "the same stand-in."
)


def latency(measurements: Measurements) -> Section:
    """Return the section."""
    all_of_it = [each for each in measurements.of(SUITE) if each.unit == "s" and each.samples]
    if not all_of_it:
        return missing("latency", _TITLE, suite=SUITE)
    timed = [each for each in all_of_it if measurements.has_times(each)]
    blocks: list[Block] = [
        Text(
            words="Each hill is how the samples of all passes are spread, on a logarithmic scale. "
            "The mark is the median; the short line is p95, the long one p99, where there are "
            f"enough samples to tell ({LEAST_FOR_P95} and {LEAST_FOR_P99})."
        ),
        Legend(keys=series(all_of_it)),
    ]
    for workload, group in by_workload(timed).items():
        blocks.append(_of_workload(workload, group))
    if timed:
        blocks.append(_table(timed))
    blocks += _on_stand_in(measurements, all_of_it)
    return Section(name="latency", title=_TITLE, blocks=blocks)


def _of_workload(workload: str, group: Sequence[Measurement]) -> Chart:
    clients = sorted({each.cell.clients for each in group})
    panels = [
        Panel(
            title=counted(count, "client"),
            rows=[_row(each) for each in group if each.cell.clients == count],
        )
        for count in clients
    ]
    return chart(
        f"latency-{_slug(workload)}",
        title=workload[0].upper() + workload[1:],
        description=_description(group),
        draw=draw_distributions(panels),
    )


def _row(measurement: Measurement, *, base: float | None = None) -> Row:
    cell = measurement.cell
    scale = 1 if base is None else 1 / base
    middle, p95, p99 = (
        None if value is None else value * scale
        for value in (measurement.median, measurement.percentile(95), measurement.percentile(99))
    )
    assert middle is not None
    name = way_name(cell.way, cell.backend)
    return Row(
        label=f"{backend_name(cell.backend)}: {name}" if base is None else name,
        backend=cell.backend,
        way=cell.way,
        samples=[sample * scale for sample in measurement.samples],
        middle=middle,
        p95=p95,
        p99=p99,
        value=seconds(middle) if base is None else times(middle),
    )


def _description(group: Sequence[Measurement]) -> str:
    parts = [
        f"{backend_name(each.cell.backend)}, {way_name(each.cell.way, each.cell.backend)}, "
        f"{counted(each.cell.clients, 'client')}: median {seconds(each.median or 0)}"
        for each in group
    ]
    return "; ".join(parts) + "."


def _table(timed: Sequence[Measurement]) -> Table:
    rows = [
        (
            each.cell.workload,
            str(each.cell.clients),
            backend_name(each.cell.backend),
            way_name(each.cell.way, each.cell.backend),
            seconds(each.median or 0),
            _or_too_few(each.percentile(95)),
            _or_too_few(each.percentile(99)),
            seconds(each.samples[-1]),
            str(len(each.samples)),
        )
        for each in timed
    ]
    head = ("what", "clients", "backend", "way", "p50", "p95", "p99", "most", "samples")
    return Table(head=head, rows=rows, caption="Latency in figures", is_folded=True, words=4)


def _or_too_few(value: float | None) -> str:
    return "too few" if value is None else seconds(value)


def _on_stand_in(measurements: Measurements, all_of_it: Sequence[Measurement]) -> list[Block]:
    hidden = [each for each in all_of_it if not measurements.has_times(each)]
    if not hidden:
        return []
    panels: list[Panel] = []
    without: list[str] = []
    for count in sorted({each.cell.clients for each in hidden}):
        rows = []
        for each in hidden:
            base = measurements.beside(each, way=NATIVE)
            if each.cell.clients != count or (base is None or not base.median):
                without += [each.cell.workload] if base is None else []
                continue
            row = _row(each, base=base.median)
            rows.append(replace(row, label=f"{each.cell.workload}: {row.label}"))
        if rows:
            panels.append(Panel(title=counted(count, "client"), rows=rows))
    blocks: list[Block] = [Caution(words=STAND_IN)]
    if panels:
        words = "; ".join(f"{row.label}: {row.value}" for panel in panels for row in panel.rows)
        drawing = chart(
            "latency-on-stand-in",
            title="On the stand-in for Azure, by the median of Microsoft's SDK there",
            description=words + ".",
            draw=draw_distributions(panels, is_ratio=True),
        )
        blocks.append(drawing)
    if without:
        names = listed(unique(without))
        blocks.append(Text(words=f"Nothing can be told without --native for: {names}."))
    return blocks


def _slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())


def headline(measurements: Measurements) -> list[str]:
    """Return the sentence of the summary: what a few things take."""
    parts = []
    timed = [
        each
        for each in measurements.of(SUITE)
        if measurements.has_times(each) and each.unit == "s" and each.cell.way == "perdure"
    ]
    for workload, group in by_workload(timed).items():
        shown = [each for each in group if each.cell.clients == 1 and each.samples]
        if workload.startswith(("start to first", "chain of 10", "event", "recovery")) and shown:
            times_of = [
                f"{seconds(each.median or 0)} on {backend_name(each.cell.backend)}"
                for each in shown
            ]
            parts.append(f"{workload}, {listed(times_of)}")
    return [f"perdure in the median, with one client: {'; '.join(parts)}."] if parts else []
