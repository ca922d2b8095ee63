"""``perdure bench compare``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from perdure.cli.commands import command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.results import Cell, Column, write_records, write_table
from perdure.cli.shell import Shell
from perdure_bench.commands.headings import BENCH

if TYPE_CHECKING:
    from perdure_bench.comparing import Change
    from perdure_bench.run_folder import Run

_COLUMNS = (
    Column(title="VERDICT"),
    Column(title="WHAT", is_elastic=True),
    Column(title="OLD", is_number=True),
    Column(title="NEW", is_number=True),
    Column(title="WORSE BY", is_number=True),
    Column(title="95 %", is_number=True),
)
_STYLES = {"worse": "red", "lost": "red", "better": "green", "unsure": "dim"}


def register(bench: typer.Typer) -> None:
    """Add the command of this file."""
    examples = (
        "perdure bench compare .perdure/bench/monday .perdure/bench/friday",
        "perdure bench compare OLD NEW --all -o json",
    )
    command(bench, under=BENCH, examples=examples)(compare)


def compare(
    shell: Shell,
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The folder of a run.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The folder of a later one.")],
    every: Annotated[bool, typer.Option("--all", help="Show what did not change, too.")] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Also runs of other machines, versions or settings.")
    ] = False,
) -> ExitCode | None:
    """Show what got worse from one run to another, with noise taken into account.

    A change counts if its 95 % interval is beyond 5 %. Where both runs have the vendor's own SDK,
    its change is taken for the machine's, and divided out. The exit code is 1 if anything is worse
    or was lost.
    """
    from perdure_bench import comparing
    from perdure_bench.noise import noisy_passes

    before, after = _read(old), _read(new)
    if different := comparing.different_conditions(before, after):
        words = "these runs differ in more than perdure: " + "; ".join(different)
        if not anyway:
            step = "measure again under the same conditions, or add --anyway"
            raise CommandError(words, step=step, code=ExitCode.CONFLICT)
        shell.warn(words)
    for name, run in (("old", before), ("new", after)):
        if noisy := noisy_passes(run.noise):
            shell.warn(f"the machine was noisy in the {name} run before {noisy}")
    changes = comparing.compare(before, after)
    shown = [each for each in changes if every or each.verdict not in ("same", "unsure")]
    if shell.is_for_people:
        write_table(shell, _COLUMNS, [_row(each) for each in shown])
        shell.note(_summary(changes))
    else:
        write_records(shell, (asdict(each) for each in shown), key="verdict")
    is_worse = any(each.verdict in ("worse", "lost") for each in changes)
    return ExitCode.ERROR if is_worse else None


def _read(path: Path) -> Run:
    from perdure_bench.run_folder import RunFolder, RunFolderError

    try:
        return RunFolder(path).read()
    except RunFolderError as error:
        raise CommandError(str(error), code=ExitCode.NOT_FOUND) from error


def _row(change: Change) -> list[Cell | str]:
    is_sure = change.low is not None and change.high is not None
    return [
        Cell(text=change.verdict, style=_STYLES.get(change.verdict, "")),
        str(change.cell),
        _amount(change.old, change.unit),
        _amount(change.new, change.unit),
        "" if change.ratio is None else f"x {change.ratio:.2f}",
        f"{change.low:.2f} to {change.high:.2f}" if is_sure else "",
    ]


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    if unit == "s":
        return f"{value * 1_000:.1f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value:,.6g} {unit}"


def _summary(changes: list[Change]) -> str:
    counted = {
        verdict: sum(each.verdict == verdict for each in changes)
        for verdict in ("worse", "lost", "better", "same", "unsure", "new")
    }
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.items() if count)
