"""``perdure history``: what happened in an instance, as a timeline, as events, or as a journal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from perdure.cli.arguments import Id
from perdure.cli.commands import INSTANCES, command
from perdure.cli.exit_codes import CommandError, ExitCode
from perdure.cli.options import Format
from perdure.cli.results import write_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perdure.cli.shell import Shell
    from perdure.spi.history import HistoryEvent
    from perdure.sync_client import SyncHandle

_LOOK_SECONDS = 0.5


def register(program: typer.Typer) -> None:
    """Add the command of this file."""
    command(
        program,
        under=INSTANCES,
        examples=(
            "perdure history trip-1",
            "perdure history trip-1 --follow",
            "perdure history trip-1 -o wide",
            "perdure history trip-1 --raw > trip-1.jsonl && perdure replay trip-1.jsonl trips",
        ),
    )(history)


def history(
    shell: Shell,
    id: Id,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the instance has ended.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The journal itself, as perdure replay takes it.")
    ] = False,
    run: Annotated[
        str | None,
        typer.Option("--run", help="Of this run, and not the present one.", metavar="RUN_ID"),
    ] = None,
) -> None:
    """Show what happened in an instance, as a timeline; -o wide adds the events."""
    if follow and run is not None:
        message = "--follow shows the present run, and --run another"
        raise CommandError(message, step="one of the two", code=ExitCode.USAGE)
    with shell.client() as client:
        handle = client.get(None, id)
        if raw:
            _write_raw(shell, _all_events(handle, run=run, follow=follow))
        elif not shell.is_for_people:
            _write_data(shell, id, _all_events(handle, run=run, follow=follow))
        elif follow:
            _follow(shell, handle)
        else:
            _write_timeline(shell, handle, handle.history(run_id=run))


def _write_raw(shell: Shell, events: Iterator[HistoryEvent]) -> None:
    from perdure.spi.journal import encode_event

    for event in events:
        shell.out.write(encode_event(event) + "\n")


def _write_data(shell: Shell, id: str, events: Iterator[HistoryEvent]) -> None:
    from perdure.cli.happenings import event_record

    if shell.format is Format.IDS:
        shell.out.write(f"{id}\n")
        return
    write_records(shell, map(event_record, events), key="kind")


def _write_timeline(shell: Shell, handle: SyncHandle[Any], events: Sequence[HistoryEvent]) -> None:
    from perdure.cli import drawing

    drawing.write_timeline(shell, events, info=handle.info())
    if shell.format is Format.WIDE:
        shell.out.write("\n")
        drawing.write_events(shell, events)


def _follow(shell: Shell, handle: SyncHandle[Any]) -> None:
    from perdure.cli import drawing

    if not shell.out.can_move:
        writer = drawing.EventLines(shell)
        for event in _all_events(handle, run=None, follow=True):
            writer.write(event)
        return
    with drawing.live(shell) as redraw:
        while True:
            info, events = handle.info(), handle.history()
            if info.status.is_terminal:
                break
            redraw(events, info)
            time.sleep(_LOOK_SECONDS)
    _write_timeline(shell, handle, handle.history())


def _all_events(
    handle: SyncHandle[Any], *, run: str | None, follow: bool
) -> Iterator[HistoryEvent]:
    """Yield the events of a run; with ``follow``, as they come, until the instance has ended."""
    run_id, seen = None, 0
    while True:
        info = handle.info()
        events = handle.history(run_id=run)
        if info.run_id != run_id:
            run_id, seen = info.run_id, 0
        yield from events[seen:]
        seen = len(events)
        if not follow or info.status.is_terminal:
            return
        time.sleep(_LOOK_SECONDS)
