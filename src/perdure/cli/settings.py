"""Settings: what they come to, and which of them says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.commands import BACKENDS, command, group
from perdure.cli.results import Cell, Column, write_records, write_table

if TYPE_CHECKING:
    import typer

    from perdure.cli.shell import Shell


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    config = group("See the settings in force, and where each comes from.")
    program.add_typer(config, name="config", rich_help_panel=BACKENDS.title)
    command(
        config,
        under=BACKENDS,
        examples=("perdure config show", "perdure --profile production config show -o json"),
    )(show)


def show(shell: Shell) -> None:
    """Show each setting, its value, and what says so: a flag, a variable, a profile, a default."""
    from perdure.config import explain

    settings = explain(
        backend=shell.options.backend, profile=shell.options.profile, hub=shell.options.hub
    )
    if not shell.is_for_people:
        records = ({"name": s.name, "value": s.value, "source": s.source} for s in settings)
        write_records(shell, records, key="name")
        return
    columns = [Column(title="SETTING"), Column(title="VALUE"), Column(title="FROM")]
    rows: list[list[Cell | str]] = [
        [s.name, "-" if s.value is None else s.value, Cell(text=s.source, style="dim")]
        for s in settings
    ]
    write_table(shell, columns, rows)
