"""Instances: start them, list them, look at one, wait for its end."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli import arguments, lists, pages
from perdure.cli.arguments import Id, Tags, Timeout
from perdure.cli.commands import INSTANCES, command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.options import Format
from perdure.cli.records import instance_record
from perdure.cli.results import write_record, write_records
from perdure.cli.waiting import wait_for_end
from perdure.types import IfExists, Status

if TYPE_CHECKING:
    from perdure.cli.shell import Shell
    from perdure.types import InstanceInfo

_STATUSES = ", ".join(status.value for status in Status)
_PAGE = 100

WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="The workflow's name.")]
Input = Annotated[
    str | None,
    typer.Option(
        "--input",
        "-i",
        help="A JSON object of arguments by parameter name; @file or - for stdin.",
        metavar="JSON|@FILE|-",
    ),
]
NewId = Annotated[
    str | None,
    typer.Option("--id", help="The instance's id; made up if not given.", metavar="ID"),
]
IfThere = Annotated[
    IfExists,
    typer.Option(
        "--if-exists",
        help="If there is one of that ID: refuse, join it, or replace a finished one.",
        metavar="raise|attach|replace_finished",
    ),
]
At = Annotated[
    Any,
    typer.Option(
        "--at",
        parser=arguments.moment,
        help="Not before: how long from now, or when.",
        metavar="DURATION|TIME",
    ),
]
ExecutionTimeout = Annotated[
    Any,
    typer.Option(
        "--execution-timeout",
        parser=arguments.duration,
        help="How long a run may take before it fails.",
        metavar="DURATION",
    ),
]


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    command(
        program,
        under=INSTANCES,
        examples=(
            'perdure start plan_trip --input \'{"cities": ["Oslo", "Rome"]}\' --id trip-1',
            "perdure start plan_trip --input @trip.json --wait --timeout 30s",
            "echo '{\"cities\": []}' | perdure start plan_trip --input -",
        ),
    )(start)
    command(
        program,
        name="list",
        under=INSTANCES,
        examples=(
            "perdure list --status failed --status stalled --since 1d",
            "perdure list --name plan_trip -o wide --time iso",
            "perdure list --status running -o ids | perdure suspend -",
        ),
    )(list_)
    command(
        program, under=INSTANCES, examples=("perdure show trip-1", "perdure show trip-1 -o json")
    )(show)
    command(
        program,
        under=INSTANCES,
        examples=("perdure wait trip-1 --timeout 5m && echo it completed",),
    )(wait)


def start(
    shell: Shell,
    workflow: WorkflowName,
    input: Input = None,
    id: NewId = None,
    if_exists: IfThere = "raise",
    at: At = None,
    execution_timeout: ExecutionTimeout = None,
    tag: Tags = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the end.")] = False,
    timeout: Timeout = None,
) -> ExitCode | None:
    """Start a workflow and print the new instance's id; with --wait, its result."""
    if timeout is not None and not wait:
        raise CommandError("--timeout goes with --wait", step="add --wait", code=ExitCode.USAGE)
    values = arguments.read_arguments(input)
    with shell.client() as client:
        handle = client.start(
            workflow,
            arguments=values,
            instance_id=id,
            if_exists=if_exists,
            start_at=shell.now() + at if isinstance(at, timedelta) else at,
            execution_timeout=execution_timeout,
            tags=arguments.read_pairs(tag, option="--tag"),
        )
        if wait:
            return _end(shell, wait_for_end(shell, handle, timeout=timeout))
        if shell.format is Format.TABLE or shell.format is Format.IDS:
            shell.out.write(f"{handle.instance_id}\n")
        else:
            _write_one(shell, handle.info())
    if shell.err.is_terminal and shell.out.is_terminal:
        shell.note(f"started; watch it: perdure history {handle.instance_id} --follow")
    return None


def list_(
    shell: Shell,
    status: Annotated[
        list[Status] | None,
        typer.Option(
            "--status",
            "-s",
            help=f"With this status; may be repeated. One of {_STATUSES}.",
            metavar="STATUS",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", "-n", help="Of this workflow.", metavar="WORKFLOW")
    ] = None,
    since: Annotated[
        Any,
        typer.Option(
            "--since",
            parser=arguments.moment,
            help="Created since: 1h, 2026-11-22T18:00:00Z.",
            metavar="DURATION|TIME",
        ),
    ] = None,
    until: Annotated[
        Any,
        typer.Option(
            "--until", parser=arguments.moment, help="Created before.", metavar="DURATION|TIME"
        ),
    ] = None,
    id_prefix: Annotated[
        str | None, typer.Option("--id-prefix", help="With an ID that begins so.", metavar="TEXT")
    ] = None,
    tag: Tags = None,
    limit: Annotated[
        int, typer.Option("--limit", help="At most so many; 0 is all.", metavar="N", min=0)
    ] = 50,
) -> None:
    """List instances, newest first."""
    with shell.client() as client:
        found = client.list(
            page_size=min(limit + 1, _PAGE) if limit else _PAGE,
            status=status or None,
            name=name,
            since=since,
            until=until,
            id_prefix=id_prefix,
            tags=arguments.read_pairs(tag, option="--tag"),
        )
        shown = islice(found, limit) if limit else found
        if shell.is_for_people:
            infos = list(shown)
            lists.write_instances(shell, infos)
            _say_how_many(shell, len(infos), has_more=next(found, None) is not None)
        else:
            write_records(shell, map(instance_record, shown), key="instance_id")
            if limit and next(found, None) is not None:
                shell.note(f"there are more than {limit}; --limit 0 for all")


def show(shell: Shell, id: Id) -> None:
    """Show everything about one instance: where it stands, its input, its result or failure."""
    with shell.client() as client:
        _write_one(shell, client.get(None, id).info())


def wait(shell: Shell, id: Id, timeout: Timeout = None) -> ExitCode | None:
    """Wait until an instance has ended, and print its result; the exit code is the outcome."""
    with shell.client() as client:
        return _end(shell, wait_for_end(shell, client.get(None, id), timeout=timeout))


def _end(shell: Shell, info: InstanceInfo) -> ExitCode | None:
    """Write how it ended, and return the code that says so."""
    if shell.format is not Format.TABLE:
        _write_one(shell, info)
    elif info.status is Status.COMPLETED:
        pages.write_value(shell, info.output_json)
    if info.status is Status.COMPLETED:
        return None
    message, step = pages.outcome_words(info)
    shell.complain(message, step=step)
    return ExitCode.WORKFLOW_FAILED


def _write_one(shell: Shell, info: InstanceInfo) -> None:
    if shell.is_for_people:
        pages.write_instance(shell, info)
    else:
        write_record(shell, instance_record(info), key="instance_id")


def _say_how_many(shell: Shell, count: int, *, has_more: bool) -> None:
    if not count:
        shell.note("no instances match")
    elif has_more:
        shell.note(f"the newest {count}; --limit 0 for all")
