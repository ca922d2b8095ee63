"""Control: events, hold and release, ends by force, new runs, removal; one instance or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli import arguments
from perdure.cli.arguments import Id, Ids, Reason
from perdure.cli.commands import CONTROL, command
from perdure.cli.exit_codes import CommandError, ExitCode, code_of
from perdure.cli.options import Format
from perdure.cli.results import write_record, write_records
from perdure.errors import PerdureError
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

    from perdure.cli.shell import Shell
    from perdure.sync_client import SyncClient, SyncHandle

_FINISHED = tuple(status for status in Status if status.is_terminal)


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    examples: dict[Callable[..., ExitCode | None], tuple[str, ...]] = {
        event: (
            "perdure event trip-1 approval --data '{\"ok\": true}'",
            "perdure event trip-1 approval --data @decision.json",
        ),
        suspend: (
            "perdure suspend trip-1 --reason 'the bank is closed'",
            "perdure list --status running -o ids | perdure suspend -",
        ),
        resume: (
            "perdure resume trip-1",
            "perdure list --status suspended -o ids | perdure resume -",
        ),
        terminate: ("perdure terminate trip-1 trip-2 --reason 'wrong customer'",),
        restart: ("perdure restart trip-1",),
        rerun: ("perdure history trip-1 -o wide", "perdure rerun trip-1 --from-command 4"),
        purge: (
            "perdure purge trip-1",
            "perdure purge --older-than 7d",
            "perdure purge --status failed --older-than 0s --yes",
        ),
    }
    for function, lines in examples.items():
        command(program, under=CONTROL, examples=lines)(function)


def event(
    shell: Shell,
    id: Id,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The event's name.")],
    data: Annotated[
        str,
        typer.Option(
            "--data", "-d", help="What it carries; @file or - for stdin.", metavar="JSON|@FILE|-"
        ),
    ] = "null",
) -> None:
    """Raise an event for an instance; it is durable when this returns."""
    value = arguments.read_json(data, option="--data")
    with shell.client() as client:
        client.get(None, id).raise_event(name, value)
    _tell(shell, id, f"{name} raised")


def suspend(shell: Shell, ids: Ids, reason: Reason = "") -> ExitCode | None:
    """Put instances on hold; what arrives meanwhile is kept."""
    return _each(shell, ids, lambda handle: handle.suspend(reason=reason), done="suspended")


def resume(shell: Shell, ids: Ids, reason: Reason = "") -> ExitCode | None:
    """Let suspended instances go on."""
    return _each(shell, ids, lambda handle: handle.resume(reason=reason), done="resumed")


def terminate(shell: Shell, ids: Ids, reason: Reason = "") -> ExitCode | None:
    """End instances by force, their code unasked; finished ones stay as they are."""
    return _each(shell, ids, lambda handle: handle.terminate(reason=reason), done="terminated")


def restart(shell: Shell, ids: Ids) -> ExitCode | None:
    """Run finished instances again from the beginning, with the same input."""
    return _each(shell, ids, lambda handle: handle.restart(), done="restarted")


def rerun(
    shell: Shell,
    id: Id,
    from_command: Annotated[
        int,
        typer.Option(
            "--from-command",
            help="The command to begin with, by its number in the history.",
            metavar="N",
            min=1,
            show_default=False,
        ),
    ],
) -> None:
    """Run a finished instance again from one of its commands on; what came before is kept."""
    with shell.client() as client:
        try:
            client.get(None, id).rerun(from_command=from_command)
        except ValueError as error:
            if isinstance(error, PerdureError):
                raise
            step = f"perdure history {id} -o wide"
            raise CommandError(str(error), step=step, code=ExitCode.USAGE) from error
    _tell(shell, id, f"rerun from command {from_command}")


def purge(
    shell: Shell,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID...", help="The instances' ids; - reads them from stdin."),
    ] = None,
    older_than: Annotated[
        Any,
        typer.Option(
            "--older-than",
            parser=arguments.duration,
            help="All that ended longer ago, as in 7d.",
            metavar="DURATION",
        ),
    ] = None,
    status: Annotated[
        list[Status] | None,
        typer.Option(
            "--status",
            "-s",
            help="All with this status: completed, failed or terminated; may be repeated.",
            metavar="STATUS",
        ),
    ] = None,
) -> ExitCode | None:
    """Delete finished instances: by their ids, or all that match, after a confirmation."""
    if bool(ids) == (older_than is not None or bool(status)):
        message = "either ids are wanted, or which instances to purge"
        step = "perdure purge ID, or perdure purge --older-than 7d"
        raise CommandError(message, step=step, code=ExitCode.USAGE)
    if ids:
        return _each(shell, ids, lambda handle: handle.purge(), done="purged")
    with shell.client() as client:
        _purge_matching(shell, client, statuses=status or [], older_than=older_than)
    return None


def _purge_matching(
    shell: Shell, client: SyncClient, *, statuses: list[Status], older_than: timedelta | None
) -> None:
    wrong = [status for status in statuses if not status.is_terminal]
    if wrong:
        message = f"--status {wrong[0]}: only finished instances can be purged"
        step = f"--status {' or --status '.join(_FINISHED)}"
        raise CommandError(message, step=step, code=ExitCode.USAGE)
    cutoff = None if older_than is None else shell.now() - older_than
    if not shell.options.yes:
        count = sum(
            cutoff is None or (info.finished_at is not None and info.finished_at < cutoff)
            for info in client.list(status=statuses or _FINISHED)
        )
        if not count:
            shell.note("no finished instances match")
            return
        shell.confirm(f"Delete {count} finished instance{'s' * (count != 1)} for good?")
    purged = client.purge(status=statuses or None, finished_before=cutoff)
    if shell.is_for_people:
        shell.out.write(f"purged {purged}\n")
    elif shell.format is not Format.IDS:
        write_record(shell, {"purged": purged}, key="purged")


def _each(
    shell: Shell, given: list[str], act: Callable[[SyncHandle[Any]], object], *, done: str
) -> ExitCode | None:
    """Do something to each instance; one that fails is told of, and the others still done."""
    ids = arguments.read_ids(given)
    codes: set[ExitCode] = set()

    def acted(client: SyncClient) -> Iterator[str]:
        for instance_id in ids:
            try:
                act(client.get(None, instance_id))
            except (PerdureError, TimeoutError) as error:
                shell.show_error(error)
                codes.add(code_of(error))
            else:
                yield instance_id

    with shell.client() as client:
        if shell.is_for_people:
            for instance_id in acted(client):
                _tell(shell, instance_id, done)
        else:
            records = ({"instance_id": i, "done": done} for i in acted(client))
            write_records(shell, records, key="instance_id")
    if not ids:
        shell.note("no ids were given")
    return None if not codes else codes.pop() if len(codes) == 1 else ExitCode.ERROR


def _tell(shell: Shell, instance_id: str, done: str) -> None:
    if shell.is_for_people:
        shell.out.write(f"{instance_id}  {done}\n")
    else:
        write_record(shell, {"instance_id": instance_id, "done": done}, key="instance_id")
