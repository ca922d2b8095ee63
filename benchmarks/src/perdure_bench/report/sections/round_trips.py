"""Round trips to Durable Task Scheduler, and the latency that they make up in a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.report.blocks import Caution, Key, Legend, Section, Table, Text
from perdure_bench.report.charts.bars import Bar, draw_bars
from perdure_bench.report.charts.canvas import chart
from perdure_bench.report.measurements import AZURE, by_workload
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import listed, seconds, three_digits, way_name
from perdure_bench.round_trips import MODELLED_SECONDS, WORDS, modelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

SUITE = "round_trips"
TOTAL, PER_STEP = "round_trips.total", "round_trips.per_step"
_ON_WIRE = ("calls.", "sent.")
_TITLE = "Modelled latency for Azure"
_REGION = "another region"


def round_trips(measurements: Measurements) -> Section:
    """Return the section."""
    found = [each for each in measurements.of(SUITE) if TOTAL in each.figures]
    if not found:
        return missing("round-trips", _TITLE, suite=SUITE)
    bars = [
        Bar(
            group=each.cell.workload,
            label="perdure" if each.cell.way != NATIVE else "native",
            backend=each.cell.backend,
            way=each.cell.way,
            value=each.figures[TOTAL],
            words=three_digits(each.figures[TOTAL]),
        )
        for each in found
    ]
    blocks: list[Block] = [
        Caution(words=WORDS),
        Legend(
            keys=(
                Key(mark="bar-full", words="perdure"),
                Key(mark="bar-hollow", words=way_name(NATIVE, AZURE)),
            )
        ),
        chart(
            "round-trips",
            title="Round trips that one instance waits for",
            description="; ".join(f"{bar.group}, {bar.label}: {bar.words}" for bar in bars) + ".",
            draw=draw_bars(bars, unit="round trips, one after the other"),
        ),
        _modelled(found),
        Text(words="Each modelled time is without the service's own share."),
    ]
    if calls := _calls(found):
        blocks.append(calls)
    return Section(name="round-trips", title=_TITLE, blocks=blocks)


def _modelled(found: Sequence[Measurement]) -> Table:
    rows = [
        (
            each.cell.workload,
            way_name(each.cell.way, each.cell.backend),
            three_digits(each.figures[TOTAL]),
            three_digits(each.figures[PER_STEP]) if PER_STEP in each.figures else "",
            *(f"{seconds(model.seconds)} + service" for model in modelled(each.figures[TOTAL])),
        )
        for each in found
    ]
    networks = (f"{name}, {each * 1000:g} ms" for name, each in MODELLED_SECONDS.items())
    head = ("pattern", "way", "round trips", "each further step", *networks)
    return Table(head=head, rows=rows, caption="Modelled latency of one instance", words=2)


def _calls(found: Sequence[Measurement]) -> Table | None:
    rows = [
        (
            each.cell.workload,
            way_name(each.cell.way, each.cell.backend),
            name.partition(".")[2] + (" (to a worker)" if name.startswith("sent.") else ""),
            three_digits(value),
        )
        for each in found
        for name, value in each.figures.items()
        if name.startswith(_ON_WIRE) and value
    ]
    if not rows:
        return None
    head = ("pattern", "way", "call", "for one instance")
    return Table(head=head, rows=rows, caption="Calls on the wire", is_folded=True, words=3)


def headline(measurements: Measurements) -> list[str]:
    """Return the sentence of the summary: round trips of the longest chain."""
    chains = {
        workload: group
        for workload, group in by_workload(measurements.of(SUITE)).items()
        if workload.startswith("chain") and any(TOTAL in each.figures for each in group)
    }
    if not chains:
        return []
    workload, group = list(chains.items())[-1]
    by_way = {each.cell.way: each.figures[TOTAL] for each in group if TOTAL in each.figures}
    parts = [
        f"{three_digits(by_way[way])} ({way_name(way, AZURE)})"
        for way in (PERDURE, NATIVE)
        if way in by_way
    ]
    network = MODELLED_SECONDS[_REGION]
    longest = max(by_way.values()) * network
    sentence = (
        f"On Azure a {workload} waits for {listed(parts)} round trips in sequence. With the "
        f"scheduler in {_REGION}, {network * 1000:g} ms each, that is {seconds(longest)} at most: "
        "modelled, and without the service's own time."
    )
    return [sentence]
