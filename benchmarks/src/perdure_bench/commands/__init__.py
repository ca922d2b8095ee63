"""The commands that this package adds to ``perdure``; what they do is imported when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.commands import group
from perdure_bench.commands import compare, cost, report, run
from perdure_bench.commands.headings import BENCH

if TYPE_CHECKING:
    import typer


def register(program: typer.Typer) -> None:
    """Add them."""
    bench = group("Measure backends beside each other, on this machine.")
    program.add_typer(bench, name="bench", rich_help_panel=BENCH.title)
    for part in (run, report, compare):
        part.register(bench)
    cost.register(program)
