"""Cost against volume. There is no price but the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.cells import PERDURE
from perdure_bench.cost.measured import measured_in
from perdure_bench.cost.prices import MEANINGS, PRICING_PAGE, Prices, option_of
from perdure_bench.cost.statement import statement
from perdure_bench.cost.usage import Usage
from perdure_bench.report.blocks import Key, Legend, Section, Table, Text
from perdure_bench.report.charts.canvas import chart, plan_numbers
from perdure_bench.report.charts.lines import draw_curves
from perdure_bench.report.sections.actions import METRICS, PUBLISHED, SUITE
from perdure_bench.report.words import three_digits

if TYPE_CHECKING:
    from perdure_bench.cost.statement import Range, Statement
    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

_TITLE = "Cost against volume"
_PATTERN = "sequence of 3"
_INSTANCES = 1_000_000.0


def cost(measurements: Measurements, prices: Prices | None) -> Section:
    """Return the section."""
    prices = prices or Prices()
    counted = [
        each
        for each in measurements.of(SUITE)
        if each.cell.way == PERDURE and PUBLISHED in each.figures
    ]
    if not counted:
        words = "Not in this run. It needs the counts that --suite actions on azure gives."
        return Section(name="cost", title=_TITLE, blocks=[Text(words=words)], is_empty=True)
    chosen = next((each for each in counted if each.cell.workload == _PATTERN), counted[0])
    found = statement(_usage(chosen), prices, measured_in(measurements.run))
    if not found.curves:
        blocks: list[Block] = [Text(words=_needs(found))]
        return Section(name="cost", title=_TITLE, blocks=blocks, is_empty=True)
    return Section(name="cost", title=_TITLE, blocks=_blocks(found))


def _usage(measurement: Measurement) -> Usage:
    published = measurement.figures[PUBLISHED]
    return Usage(
        source=measurement.cell.workload,
        published=published,
        metrics=measurement.figures.get(METRICS, published),
        instances_per_month=_INSTANCES,
    )


def _blocks(found: Statement) -> list[Block]:
    usage = found.usage
    drawing = chart(
        "cost",
        title=f"Cost of a month against volume, for {usage.source!r}",
        description="; ".join(f"{row.plan}: {_amount(row.total, '')}" for row in found.rows)
        + f", each for {usage.instances_per_month:,.0f} instances a month.",
        draw=draw_curves(found.curves, currency=found.currency),
    )
    plans = [curve.plan for curve in found.curves]
    keys = tuple(
        Key(mark=f"colour-{number}", words=plan)
        for number, plan in zip(plan_numbers(plans), plans, strict=True)
    )
    blocks: list[Block] = [
        Text(
            words="The prices are those that were given, and the load is spread evenly. A band "
            "goes from the count of Microsoft's billing page to that of its metrics "
            "page. A curve ends "
            "where the plan cannot take the rate. What Dapr and the embedded engine cost is the "
            "processor time and memory that this run measured, times your prices."
        ),
        Legend(keys=keys),
        drawing,
        _table(found),
    ]
    if found.needs:
        blocks.append(Text(words=_needs(found)))
    return blocks


def _table(found: Statement) -> Table:
    rows = [
        (row.plan, "; ".join(row.notes), _amount(row.total, found.currency)) for row in found.rows
    ]
    head = ("plan", "what to know of it", "a month")
    caption = f"A month with {found.usage.instances_per_month:,.0f} instances"
    return Table(head=head, rows=rows, caption=caption, words=2)


def _amount(total: Range | None, currency: str) -> str:
    if total is None:
        return "not known"
    low, high = (three_digits(each) for each in total)
    return f"{low if low == high else f'{low} to {high}'} {currency}".strip()


def _needs(found: Statement) -> str:
    options = ", ".join(f"{option_of(name)} ({MEANINGS[name]})" for name in found.needs)
    return (
        "Prices are missing, and perdure has none of its own. Give yours to perdure bench report: "
        f"{options}. Microsoft's are on {PRICING_PAGE}."
    )
