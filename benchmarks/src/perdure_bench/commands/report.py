"""``perdure bench report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from perdure.cli.commands import command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.shell import Shell
from perdure_bench.commands.headings import BENCH
from perdure_bench.commands.prices import Currency, GibHour, MillionActions, UnitHour, VcpuHour

_Documents = Annotated[
    list[Path] | None,
    typer.Option(
        "--document",
        help="Replace what this file has between its marks instead; may be repeated.",
        metavar="FILE",
    ),
]


def register(bench: typer.Typer) -> None:
    """Add the command of this file."""
    examples = (
        "perdure bench report .perdure/bench/friday",
        "perdure bench report .perdure/bench/friday --document docs/benchmarks.md",
        "perdure bench report .perdure/bench/friday --price-per-million-actions 3 --currency EUR",
    )
    command(bench, under=BENCH, examples=examples)(report)


def report(
    shell: Shell,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Of a run.")],
    into: Annotated[
        Path | None,
        typer.Option(
            "--into",
            help="The HTML file; beside it there will be the same as .md; report.html in FOLDER.",
            metavar="FILE",
        ),
    ] = None,
    document: _Documents = None,
    price_per_million_actions: MillionActions = None,
    price_per_unit_hour: UnitHour = None,
    price_per_vcpu_hour: VcpuHour = None,
    price_per_gib_hour: GibHour = None,
    currency: Currency = None,
) -> None:
    """Make a page of a run, with charts, and the same in Markdown.

    The page is one file that loads nothing, and has the raw data in it. Costs need prices: by
    option, or where perdure cost has them from. A document has its figures between
    <!-- benchmarks --> and <!-- end of benchmarks -->.
    """
    from perdure_bench.cost.prices import read_prices
    from perdure_bench.report.keeping import (
        HTML,
        DocumentError,
        keep_report,
        put_into,
        report_of,
    )
    from perdure_bench.run_folder import RunFolderError

    prices = read_prices(
        Path(),
        {
            "price_per_million_actions": price_per_million_actions,
            "price_per_unit_hour": price_per_unit_hour,
            "price_per_vcpu_hour": price_per_vcpu_hour,
            "price_per_gib_hour": price_per_gib_hour,
            "currency": currency,
        },
    )
    try:
        made = report_of(folder, prices=prices)
        written = [] if document else list(keep_report(made, into or folder / HTML))
        for path in document or []:
            put_into(made, path)
            written.append(path)
    except RunFolderError as error:
        raise CommandError(str(error), code=ExitCode.NOT_FOUND) from error
    except (DocumentError, OSError) as error:
        raise CommandError(str(error), code=ExitCode.USAGE) from error
    sys.stdout.writelines(f"{path}\n" for path in written)
