"""The program: all commands put together, run, and ended with the right code."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from perdure._version import __version__
from perdure.cli import (
    approvals,
    backends,
    checks,
    control,
    history,
    instances,
    settings,
    stack,
    work,
)
from perdure.cli.commands import USAGE_ERROR, begin, declared, group
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.options import Options
from perdure.cli.shell import Shell

_COMMANDS_GROUP = "perdure.commands"
_PACKAGES = {"bench": "perdure-bench", "cost": "perdure-bench"}
"""Where commands come from that this package does not have itself."""

_HELP = """Durable workflows in plain async Python: start them, watch them, steer them.

Results go to stdout, everything else to stderr. perdure COMMAND --help has examples."""


def make_program() -> typer.Typer:
    """Return the program with all its commands."""
    program = group(_HELP, is_root=True)
    program.callback(invoke_without_command=True)(_declare(_start_up))
    parts = (work, instances, history, control, approvals, stack, backends, settings, checks)
    for part in parts:
        part.register(program)
    for addition in _additions():
        addition.register(program)
    return program


def _additions() -> list[Any]:
    """Return the modules with commands of perdure's other packages that are installed."""
    from importlib.metadata import entry_points

    return [point.load() for point in sorted(entry_points(group=_COMMANDS_GROUP))]


def run() -> int:
    """Run the command line of this process, and return the code to end with."""
    command: Any = typer.main.get_command(make_program())
    try:
        code = command.main(prog_name="perdure", standalone_mode=False) or ExitCode.OK
        sys.stdout.flush()
    except USAGE_ERROR as error:
        return _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read has seen enough; without this the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.ERROR
    return int(code)


def _start_up(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    **given: Any,
) -> None:
    begin(context, given)
    if version:
        sys.stdout.write(f"perdure {__version__}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit


def _declare(function: Any) -> Any:
    import inspect

    own = [inspect.signature(function).parameters["version"]]

    def run(context: typer.Context, **given: Any) -> None:
        function(context, **given)

    return declared(run, own=own, of=function)


def _refuse(error: Exception) -> int:
    """Tell what is wrong with the command line; of a group without a command, what it has."""
    context = getattr(error, "ctx", None)
    if context is not None and type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(context.get_help() + "\n")
        return ExitCode.USAGE
    path = "perdure" if context is None else context.command_path
    words: str = getattr(error, "format_message", error.__str__)()
    words = words.replace("Value error, ", "")  # pydantic's, by which typer checks
    missing = next((each for each in _PACKAGES if words == f"No such command '{each}'."), None)
    step = f"pip install {_PACKAGES[missing]}" if missing else f"{path} --help"
    Shell(Options()).show_error(CommandError(words.rstrip("."), step=step))
    return ExitCode.USAGE
