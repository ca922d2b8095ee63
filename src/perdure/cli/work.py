"""Running workers: one to deploy, and one that reloads while its code is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli import arguments
from perdure.cli.arguments import Module
from perdure.cli.commands import RUN, command
from perdure.cli.loading import load_app

if TYPE_CHECKING:
    from perdure.cli.exit_codes import ExitCode
    from perdure.cli.shell import Shell


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    command(
        program,
        under=RUN,
        examples=("perdure worker trips", "perdure worker shop.trips:app -b azure --drain 1m"),
    )(worker)
    command(program, under=RUN, examples=("perdure dev trips",))(dev)


def worker(
    shell: Shell,
    module: Module,
    drain: Annotated[
        Any,
        typer.Option(
            "--drain",
            parser=arguments.duration,
            help="At the end, how long running activities may take to finish; 10s.",
            metavar="DURATION",
        ),
    ] = None,
) -> None:
    """Run an app's workflows and activities until SIGTERM or Ctrl-C, then drain."""
    app = load_app(module, shell.options)
    if drain is None:
        app.run_worker()
    else:
        app.run_worker(drain_timeout=drain)


def dev(shell: Shell, module: Module) -> ExitCode | None:
    """Run the embedded engine and a worker, which restarts when a Python file here changes."""
    from perdure.cli.reloading import run_reloading

    return run_reloading(shell, module)
