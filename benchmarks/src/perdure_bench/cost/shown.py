"""How a statement is written: for people, and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from perdure.cli.results import Cell, Column, write_record, write_table
from perdure_bench.cost.chart import MARKS, chart
from perdure_bench.cost.prices import MEANINGS, PRICING_PAGE, RETAIL_PRICES, option_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.cli.shell import Shell
    from perdure_bench.cost.break_even import BreakEven
    from perdure_bench.cost.statement import Range, Row, Statement

N = TypeVar("N", int, float)

_STYLES = ("cyan", "magenta", "blue", "green", "yellow")
_MOST_WIDTH = 76


def show(shell: Shell, found: Statement) -> None:
    """Write all of it."""
    if not shell.is_for_people:
        write_record(shell, found.as_json(), key="currency")
        return
    _write_usage(shell, found)
    columns = [
        Column(title="PLAN"),
        Column(title="UNITS", is_number=True),
        Column(title="SERVICE", is_number=True),
        Column(title="WORKERS", is_number=True),
        Column(title=f"A MONTH, {found.currency}".rstrip(", "), is_number=True),
    ]
    shell.out.write("\n")
    write_table(shell, columns, [_cells(row) for row in found.rows])
    for note in dict.fromkeys(note for row in found.rows for note in row.notes):
        plans = "; ".join(row.plan for row in found.rows if note in row.notes)
        shell.out.line(f"{plans}: {note}.", style="dim")
    _write_break_evens(shell, found)
    _write_chart(shell, found)
    _write_needs(shell, found)


def _write_usage(shell: Shell, found: Statement) -> None:
    usage = found.usage
    per_instance = _range((usage.published, usage.metrics), _number)
    rate = _range(found.actions_per_second, _number)
    peak = f" at a peak of {usage.peak_factor:g} times the average" if usage.peak_factor > 1 else ""
    for line in (
        f"actions per instance  {per_instance}  ({usage.source})",
        f"instances a month     {_number(usage.instances_per_month)}",
        f"actions a month       {_range(found.actions_per_month, _number)}",
        f"actions a second      {rate}{peak or ' if they are spread evenly'}",
    ):
        shell.out.line(line)
    if usage.published != usage.metrics:
        words = "The lower figure is by Microsoft's billing page, the higher by its metrics page."
        shell.out.line(words, style="dim")


def _cells(row: Row) -> list[Cell | str]:
    if row.needs:
        total = Cell(text="no price", style="dim")
    elif not row.is_enough:
        total = Cell(text="not enough", style="yellow")
    else:
        total = Cell(text=_money(row.total), style="bold")
    units = "" if row.units is None else _range(row.units, str)
    return [row.plan, units, _money(row.service), _money(row.workers), total]


def _write_break_evens(shell: Shell, found: Statement) -> None:
    if found.break_evens:
        shell.out.write("\n")
    for each in found.break_evens:
        shell.out.line(_words_of(each))


def _words_of(each: BreakEven) -> str:
    low, high = each.by_metrics, each.by_published
    if low is None and high is None:
        return f"{each.plan} never becomes cheaper than {each.than}."
    if low is None or high is None:
        only = "billing" if low is None else "metrics"
        known = _number((low if high is None else high) or 0)
        return (
            f"{each.plan} is cheaper than {each.than} from {known} instances a month on by the "
            f"{only} page, and never by the other."
        )
    if max(low, high) <= 1:
        return f"{each.plan} is cheaper than {each.than} at any volume."
    volume = _range((min(low, high), max(low, high)), _number)
    if each.is_end:
        return f"{each.plan} goes on where {each.than} ends, at {volume} instances a month."
    return f"{each.plan} is cheaper than {each.than} from {volume} instances a month on."


def _write_chart(shell: Shell, found: Statement) -> None:
    if len(found.curves) < 2:
        return
    marks = {row.plan: mark for row, mark in zip(found.rows, MARKS, strict=False)}
    shown = [marks[curve.plan] for curve in found.curves]
    shell.out.write("\n")
    width = min(shell.out.width, _MOST_WIDTH)
    at = found.usage.instances_per_month
    for line in chart(found.curves, marks=shown, at=at, width=width):
        pieces = [(text, "" if number is None else _STYLES[number]) for text, number in line]
        shell.out.pieces(*pieces)
    key = [
        (f"{marks[each.plan]} {each.plan}   ", _STYLES[n]) for n, each in enumerate(found.curves)
    ]
    shell.out.pieces(*key)


def _write_needs(shell: Shell, found: Statement) -> None:
    if not found.is_measured:
        shell.note(
            "for Dapr, the embedded engine and your workers it needs --run, with the folder of "
            "perdure bench run --suite latency"
        )
    if not found.needs:
        return
    shell.note("for money it needs prices; none is built in:")
    for name in found.needs:
        shell.note(f"  {option_of(name)}: {MEANINGS[name]}")
    shell.note(f"Microsoft's: {PRICING_PAGE}")
    shell.note(f"or: {RETAIL_PRICES}")
    shell.note("mind the unit there: it may be an action, and not a million")


def _money(found: Range | None) -> str:
    return "-" if found is None else _range(found, lambda value: f"{value:,.2f}")


def _number(value: float) -> str:
    """Return a number of four digits at least, and in full from there on."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.4g}"


def _range(found: tuple[N, N], form: Callable[[N], str]) -> str:
    low, high = map(form, found)
    return low if low == high else f"{low} to {high}"
