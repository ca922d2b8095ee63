"""Checks: of code against recorded journals and by itself, and of a backend by the kit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perdure.cli.arguments import Module
from perdure.cli.commands import CHECKS, command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.results import Cell, Column, write_records, write_table

if TYPE_CHECKING:
    from perdure.cli.kit import Held
    from perdure.cli.shell import Shell


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    command(
        program,
        under=CHECKS,
        examples=(
            "perdure history trip-1 --raw > trip-1.jsonl",
            "perdure replay trip-1.jsonl trips",
            "perdure replay tests/golden shop.trips:app --strict",
        ),
    )(replay)
    command(
        program,
        under=CHECKS,
        examples=(
            "perdure conformance -b sqlite",
            "perdure conformance -b toy --report toy.json",
            "perdure conformance -b toy --only Events",
        ),
    )(conformance)


def replay(
    shell: Shell,
    journal: Annotated[
        Path, typer.Argument(metavar="JOURNAL", help="A journal, or a folder of *.jsonl journals.")
    ],
    module: Module,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Also refuse code that may replay differently, and lint the workflows.",
        ),
    ] = False,
) -> ExitCode | None:
    """Replay recorded journals against today's code, and name the first divergence of each."""
    from perdure.cli.replaying import replay_all

    outcomes = replay_all(_journals(journal), module, is_strict=strict)
    if not shell.is_for_people:
        write_records(shell, (o.record() for o in outcomes), key="what")
    for outcome in outcomes:
        if shell.is_for_people and outcome.is_good:
            sign = "✓ " if shell.out.is_unicode else ""
            shell.out.pieces((sign, "green"), (f"{outcome.what}  {outcome.words}", ""))
        elif not outcome.is_good:
            for finding in outcome.findings:
                shell.complain(f"{outcome.what}: {finding}")
    if all(outcome.is_good for outcome in outcomes):
        return None
    shell.err.pieces(("  try: ", "bold"), ("guard the change with perdure.patched(...)", ""))
    return ExitCode.ERROR


def conformance(
    shell: Shell,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write what held to it: JSON, or Markdown as .md.", metavar="FILE"
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Only this contract; may be repeated.", metavar="CONTRACT"),
    ] = None,
) -> ExitCode | None:
    """Hold a backend to every contract of the kit; the exit code is 1 if one does not hold."""
    from perdure.cli.kit import run_kit

    url = shell.configuration().backend_url
    held = run_kit(shell, url, report=report, only=only or [])
    if shell.is_for_people:
        _write_contracts(shell, held)
    else:
        write_records(shell, (each.record() for each in held), key="contract")
    broken = [each.name for each in held if each.failed]
    if not broken:
        return None
    step = f"perdure conformance -b {url} --only {broken[0]}"
    shell.complain(f"{url} does not keep: {', '.join(broken)}", step=step)
    return ExitCode.ERROR


def _write_contracts(shell: Shell, held: list[Held]) -> None:
    yes, no, none = ("✓", "✗", "·") if shell.out.is_unicode else ("ok", "FAILED", "-")
    rows: list[list[Cell | str]] = []
    for each in held:
        sign = Cell(text=yes, style="green")
        if each.failed:
            sign = Cell(text=no, style="red")
        elif not each.passed:
            sign = Cell(text=none, style="dim")
        rows.append([sign, each.name, f"{each.passed}/{each.count}", Cell(text=each.words)])
    columns = [
        Column(title=""),
        Column(title="CONTRACT"),
        Column(title="HELD", is_number=True),
        Column(title="", is_elastic=True),
    ]
    write_table(shell, columns, rows)


def _journals(path: Path) -> list[Path]:
    found = sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
    found = [each for each in found if each.is_file()]
    if found:
        return found
    what = "no *.jsonl journals in" if path.is_dir() else "no file"
    step = "perdure history ID --raw > journal.jsonl"
    raise CommandError(f"there is {what} {str(path)!r}", step=step, code=ExitCode.USAGE)
