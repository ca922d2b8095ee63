"""Local servers: brought up with one command, looked at, and taken down."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli import arguments
from perdure.cli.commands import STACKS, command, group
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.results import Cell, Column, write_record, write_records, write_table
from perdure.cli.stack_options import read_options
from perdure.cli.stack_records import record_of, server_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.cli.shell import Shell
    from perdure.stack import Stack

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The stack, as in dapr, azure.", show_default=False)
]
Rest = Annotated[
    list[str] | None,
    typer.Argument(metavar="OPTIONS...", help="The stack's own; see perdure stack options."),
]
Folder = Annotated[
    Path | None,
    typer.Option("--folder", help="Where it lives; ./.perdure/stack/NAME.", metavar="PATH"),
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    stacks = group("Run a backend's servers on this machine, on loopback only.")
    program.add_typer(stacks, name="stack", rich_help_panel=STACKS.title)
    up_examples = (
        "perdure stack up dapr",
        'eval "$(perdure stack up dapr)"',
        "perdure stack up dapr --mtls --sidecars 2 --api-token generated",
        "perdure stack up azure --round-trip cross-region",
    )
    command(stacks, under=STACKS, examples=up_examples, is_open=True)(up)
    command(
        stacks,
        under=STACKS,
        examples=("perdure stack status", "perdure stack status dapr -o json"),
    )(status)
    logs_examples = ("perdure stack logs dapr", "perdure stack logs dapr daprd --follow")
    command(stacks, under=STACKS, examples=logs_examples)(logs)
    command(
        stacks,
        under=STACKS,
        examples=("perdure stack down dapr", "perdure stack down dapr --purge-state --yes"),
    )(down)
    command(
        stacks,
        under=STACKS,
        examples=("perdure stack build dapr", "perdure stack build dapr --mtls"),
        is_open=True,
    )(build)
    options_examples = ("perdure stack options dapr",)
    command(stacks, under=STACKS, examples=options_examples)(options)


def up(
    shell: Shell,
    name: Name,
    rest: Rest = None,
    folder: Folder = None,
    wait: Annotated[
        Any,
        typer.Option(
            "--wait",
            parser=arguments.duration,
            help="How long it may take to become healthy; 30s.",
            metavar="DURATION",
        ),
    ] = None,
) -> None:
    """Start a stack's servers, wait until they are healthy, and print what to export.

    They stay until `perdure stack down`. Of a stack that is up already, only what is missing is
    started.
    """
    from perdure.stack import DEFAULT_WAIT_SECONDS

    with _explained(name):
        stack = _stack(shell, name, folder)
        given = read_options(stack.kind, rest or ())
        seconds = DEFAULT_WAIT_SECONDS if wait is None else wait.total_seconds()
        started = stack.up(given, wait_seconds=seconds)
        record = stack.record()
        found = stack.status()
    for note in (record.about, *started.notes):
        if note:
            shell.note(note)
    shell.note(_told(name, started.servers, was_up=started.was_up))
    if not shell.is_for_people:
        whole = {**record_of(stack, record, found), "started": list(started.servers)}
        write_record(shell, whole, key="name")
        return
    _write_exports(shell, record.exports)


def status(
    shell: Shell,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Which; without one, all that are here.")
    ] = None,
    folder: Folder = None,
) -> ExitCode | None:
    """Show each server of a stack, and what to export; the exit code is 3 if one is not well."""
    from perdure.stack import StackFolder

    names = [name] if name else StackFolder.names()
    if not names:
        shell.note("no stack was brought up in this folder; perdure stack up NAME")
    with _explained(name or ""):
        stacks = [_stack(shell, each, folder) for each in names]
        seen = [(stack, stack.record(), stack.status()) for stack in stacks]
    for about in filter(None, (record.about for _, record, _ in seen)):
        shell.note(about)
    if shell.is_for_people:
        for stack, record, found in seen:
            columns, rows = server_rows(stack.name, found)
            write_table(shell, columns, rows)
            if any(server.is_running for server in found):
                _write_exports(shell, record.exports)
    else:
        write_records(shell, (record_of(*each) for each in seen), key="name")
    is_well = all(server.is_healthy for _, _, found in seen for server in found)
    return None if is_well else ExitCode.UNAVAILABLE


def logs(
    shell: Shell,
    name: Name,
    process: Annotated[
        str | None,
        typer.Argument(metavar="PROCESS", help="One of its servers; without one, all of them."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is logged, until Ctrl-C.")
    ] = False,
    folder: Folder = None,
) -> None:
    """Print what a stack's servers have logged since it was brought up."""
    from perdure.cli.stack_logs import write_logs

    with _explained(name):
        stack = _stack(shell, name, folder)
        names = [process] if process else [server.name for server in stack.status()]
        paths = {each: stack.log_path(each) for each in names}
    write_logs(shell, paths, is_followed=follow)


def down(
    shell: Shell,
    name: Name,
    purge_state: Annotated[
        bool,
        typer.Option("--purge-state", help="Delete what it stored, too: all its workflows."),
    ] = False,
    folder: Folder = None,
) -> None:
    """Stop the servers that `perdure stack up` started; what they stored is kept."""
    with _explained(name):
        stack = _stack(shell, name, folder)
        if purge_state:
            shell.confirm(f"Delete everything that stack {name!r} stored in {stack.folder.path}?")
        stopped = stack.down(is_state_purged=purge_state)
    if not shell.is_for_people:
        write_record(shell, {"name": name, "stopped": stopped}, key="name")
    elif stopped:
        shell.note(f"{name}: stopped {', '.join(stopped)}")
    else:
        shell.note(f"{name} was not up in {stack.folder.path}")


def build(shell: Shell, name: Name, rest: Rest = None) -> None:
    """Have a stack's programs ready ahead of time: those installed, or built once per user."""
    with _explained(name):
        stack = _stack(shell, name, None)
        words = stack.kind.build(read_options(stack.kind, rest or ()), tell=shell.note)
    if shell.is_for_people:
        shell.out.line(words)
    else:
        write_record(shell, {"name": name, "programs": words}, key="name")


def options(shell: Shell, name: Name) -> None:
    """List the options that a stack takes, with their defaults."""
    with _explained(name):
        declared = _stack(shell, name, None).kind.options
    if not shell.is_for_people:
        records = ({"name": o.name, "default": o.default, "help": o.help} for o in declared)
        write_records(shell, records, key="name")
        return
    columns = [Column(title="OPTION"), Column(title="DEFAULT"), Column(title="MEANS")]
    rows: list[list[Cell | str]] = []
    for option in declared:
        is_flag = isinstance(option.default, bool)
        spelled = f"--{option.name.replace('_', '-')}{'' if is_flag else ' ' + option.metavar}"
        default = "off" if option.default is False else str(option.default or "-")
        rows.append([spelled, default, option.help])
    write_table(shell, columns, rows)


def _stack(shell: Shell, name: str, folder: Path | None) -> Stack:
    from perdure.stack import Stack, StackFolder

    return Stack(name, folder or StackFolder.default(name), tell=shell.note)


@contextlib.contextmanager
def _explained(name: str) -> Iterator[None]:
    """Give the errors of stacks their exit code and their next step."""
    from perdure.errors import ConfigurationError
    from perdure.stack import (
        ServerNotHealthyError,
        StackDiffersError,
        StackError,
        StackNotUpError,
    )

    codes = {
        StackDiffersError: ExitCode.CONFLICT,
        StackNotUpError: ExitCode.NOT_FOUND,
        ServerNotHealthyError: ExitCode.UNAVAILABLE,
    }
    try:
        yield
    except ConfigurationError as error:
        step = f"perdure stack options {name}"
        raise CommandError(str(error), step=step, code=ExitCode.USAGE) from error
    except StackError as error:
        code = codes.get(type(error), ExitCode.ERROR)
        raise CommandError(str(error), step=error.step, code=code) from error


def _told(name: str, servers: tuple[str, ...], *, was_up: bool) -> str:
    if not servers:
        return f"{name} is up already"
    done = "started again what was missing" if was_up else "started"
    return f"{name}: {done}: {', '.join(servers)}"


def _write_exports(shell: Shell, exports: Any) -> None:
    for variable, value in exports.items():
        shell.out.line(f"export {variable}={shlex.quote(value)}")
