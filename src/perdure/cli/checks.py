"""Checks: of code against recorded journals and by itself, and of a backend by the kit."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perdure.cli.arguments import Module
from perdure.cli.commands import CHECKS, command
from perdure.cli.exit_codes import ExitCode
from perdure.cli.results import Cell, Column, write_records, write_table
from perdure.cli.text import plain

if TYPE_CHECKING:
    from perdure.cli.shell import Shell
    from perdure.testing.report import ContractResult


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

    findings = replay_all(journal, module, is_strict=strict)
    if not shell.is_for_people:
        write_records(shell, map(asdict, findings), key="path")
    else:
        for finding in findings:
            shell.out.line(plain(str(finding)))
    if not findings:
        shell.note(f"{journal} replays as recorded on the code of {module}")
        return None
    count = f"{len(findings)} finding{'s' * (len(findings) != 1)}"
    shell.complain(f"{count} in replaying {journal}")
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
    held = run_kit(url, report=report, only=only or [])
    if shell.is_for_people:
        _write_contracts(shell, held)
    else:
        write_records(shell, map(asdict, held), key="contract")
    broken = [each.contract for each in held if each.failed]
    if not broken:
        return None
    step = f"perdure conformance -b {url} --only {broken[0]}"
    shell.complain(f"{url} does not keep: {', '.join(broken)}", step=step)
    return ExitCode.ERROR


def _write_contracts(shell: Shell, held: list[ContractResult]) -> None:
    yes, no, none = ("✓", "✗", "·") if shell.out.is_unicode else ("ok", "FAILED", "-")
    rows: list[list[Cell | str]] = []
    for each in held:
        sign = Cell(text=yes, style="green")
        if each.failed:
            sign = Cell(text=no, style="red")
        elif not each.passed:
            sign = Cell(text=none, style="dim")
        rows.append([sign, each.contract, f"{each.passed}/{each.cases}", each.note])
    columns = [
        Column(title=""),
        Column(title="CONTRACT"),
        Column(title="HELD", is_number=True),
        Column(title="", is_elastic=True),
    ]
    write_table(shell, columns, rows)
