"""Billable actions: what patterns cost on Durable Task Scheduler, by both ways to count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.report.blocks import Key, Legend, Section, Table, Text
from perdure_bench.report.charts.bars import Bar, draw_bars
from perdure_bench.report.charts.canvas import chart
from perdure_bench.report.measurements import AZURE, by_workload
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import counted, listed, three_digits, way_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

SUITE = "actions"
PUBLISHED, METRICS = "actions.published", "actions.metrics"
_IN_JOURNAL = ("journal.published", "journal.metrics")
_TITLE = "Billable actions on Azure, by pattern"
_MOST_NAMED = 4


def actions(measurements: Measurements) -> Section:
    """Return the section."""
    found = [each for each in measurements.of(SUITE) if PUBLISHED in each.figures]
    if not found:
        return missing("actions", _TITLE, suite=SUITE)
    bars = [_bar(each) for each in found]
    blocks: list[Block] = [
        Text(
            words="Actions that Durable Task Scheduler would bill for one instance, counted on the "
            "wire by the stand-in. The bar is the list on Microsoft's billing page; what is "
            "hatched is what the formula on its metrics page counts besides. A bill should lie "
            "between the two."
        ),
        Legend(
            keys=(
                Key(mark="bar-full", words="perdure"),
                Key(mark="bar-hollow", words=way_name(NATIVE, AZURE)),
                Key(mark="bar-hatched", words="more, by the metrics page"),
            )
        ),
        chart(
            "actions",
            title="Actions for one instance",
            description="; ".join(f"{bar.group}, {bar.label}: {bar.words}" for bar in bars) + ".",
            draw=draw_bars(bars, unit="actions for one instance"),
        ),
        _table(found),
    ]
    return Section(name="actions", title=_TITLE, blocks=blocks)


def _bar(measurement: Measurement) -> Bar:
    cell, figures = measurement.cell, measurement.figures
    published = figures[PUBLISHED]
    metrics = max(published, figures.get(METRICS, published))
    more = "" if metrics == published else f" to {three_digits(metrics)}"
    return Bar(
        group=cell.workload,
        label="perdure" if cell.way != NATIVE else "native",
        backend=cell.backend,
        way=cell.way,
        value=published,
        more=metrics - published,
        words=f"{three_digits(published)}{more}",
    )


def _table(found: Sequence[Measurement]) -> Table:
    rows = [
        (
            each.cell.workload,
            way_name(each.cell.way, each.cell.backend),
            *(_number(each, name) for name in (PUBLISHED, METRICS, *_IN_JOURNAL)),
            "; ".join(each.notes),
        )
        for each in found
    ]
    counts = ("billing page", "metrics page", "journal, billing", "journal, metrics")
    head = ("pattern", "way", *counts, "note")
    return Table(head=head, rows=rows, caption="Actions in figures", is_folded=True, words=2)


def _number(measurement: Measurement, name: str) -> str:
    value = measurement.figures.get(name)
    return "" if value is None else three_digits(value)


def headline(measurements: Measurements) -> list[str]:
    """Return the sentence of the summary: where perdure needs more actions, or fewer."""
    more, fewer, same = [], [], 0
    for workload, group in by_workload(measurements.of(SUITE)).items():
        by_way = {each.cell.way: each.figures.get(PUBLISHED) for each in group}
        ours, theirs = by_way.get(PERDURE), by_way.get(NATIVE)
        if ours is None or theirs is None:
            continue
        words = f"{workload} ({three_digits(ours)} beside {three_digits(theirs)})"
        same += ours == theirs
        more += [words] if ours > theirs else []
        fewer += [words] if ours < theirs else []
    total = same + len(more) + len(fewer)
    if not total:
        return []
    parts = [f"as many actions as Microsoft's SDK in {same} of {counted(total, 'pattern')}"]
    parts += [f"more in {_named(more)}"] if more else []
    parts += [f"fewer in {_named(fewer)}"] if fewer else []
    return [f"On Azure perdure is billed {listed(parts)}, by the published list."]


def _named(patterns: list[str]) -> str:
    if len(patterns) <= _MOST_NAMED:
        return listed(patterns)
    rest = len(patterns) - _MOST_NAMED
    return listed([*patterns[:_MOST_NAMED], f"{rest} others"])
