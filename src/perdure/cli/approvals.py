"""Approvals: list what waits for people, look at one, answer it."""

from __future__ import annotations

import getpass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from perdure.cli import approval_pages, arguments
from perdure.cli.approval_pages import approval_record
from perdure.cli.arguments import Timeout
from perdure.cli.commands import APPROVALS, CONTROL, command, group
from perdure.cli.exit_codes import CommandError, ExitCode, code_of
from perdure.cli.results import write_record, write_records
from perdure.errors import PerdureError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure.approvals.record import Approval
    from perdure.approvals.sync_client import SyncApprovals
    from perdure.cli.shell import Shell

_APPLIED_WITHIN = timedelta(seconds=5)

State = Literal["waiting", "approved", "denied", "expired", "closed", "all"]
ApprovalId = Annotated[
    str, typer.Argument(metavar="ID", help="The approval's id.", show_default=False)
]
ApprovalIds = Annotated[
    list[str],
    typer.Argument(metavar="ID...", help="The approvals' ids; - reads them from stdin."),
]
By = Annotated[
    str | None,
    typer.Option("--by", help="Who answers; your login name if not given.", metavar="NAME"),
]
Note = Annotated[str, typer.Option("--note", help="Why, for the record.", metavar="TEXT")]


def register(program: typer.Typer) -> None:
    """Add the commands of this file."""
    approvals = group("List what waits for people to approve it, look at one, answer it.")
    program.add_typer(approvals, name="approvals", rich_help_panel=CONTROL.title)
    command(
        approvals,
        name="list",
        under=APPROVALS,
        examples=(
            "perdure approvals list",
            "perdure approvals list --root customer-17 --state all -o wide",
        ),
    )(list_)
    command(
        approvals,
        under=APPROVALS,
        examples=("perdure approvals show settle-17-b533334a1925619d",),
    )(show)
    command(
        approvals,
        under=APPROVALS,
        examples=(
            "perdure approvals approve settle-17-b533334a1925619d --note 'as discussed'",
            "perdure approvals approve settle-17-b533334a1925619d --arguments '{\"amount\": 20}'",
            "perdure approvals list --tool refund -o ids | perdure approvals approve - --by ann",
        ),
    )(approve)
    command(
        approvals,
        under=APPROVALS,
        examples=("perdure approvals deny settle-17-b533334a1925619d --note 'too much'",),
    )(deny)


def list_(
    shell: Shell,
    state: Annotated[
        State,
        typer.Option(
            "--state",
            "-s",
            help="Where they stand; waiting if not given.",
            metavar="waiting|approved|denied|expired|closed|all",
        ),
    ] = "waiting",
    instance: Annotated[
        str | None,
        typer.Option("--instance", help="Asked for by this instance.", metavar="ID"),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option("--root", help="Asked for by this one or any below it.", metavar="ID"),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", help="Of this conversation.", metavar="TEXT")
    ] = None,
    agent: Annotated[
        str | None, typer.Option("--agent", help="Asked for by this agent.", metavar="NAME")
    ] = None,
    tool: Annotated[
        str | None, typer.Option("--tool", help="To call this tool.", metavar="NAME")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", help="At most so many; 0 is all.", metavar="N", min=0)
    ] = 50,
) -> None:
    """List approvals, newest first: those that wait for an answer, unless --state says others."""
    with shell.client() as client:
        found = client.approvals.list(
            state=None if state == "all" else state,
            instance_id=instance,
            root_id=root,
            session=session,
            agent=agent,
            tool=tool,
        )
        shown = islice(found, limit) if limit else found
        if not shell.is_for_people:
            write_records(shell, map(approval_record, shown), key="id")
            return
        approvals = list(shown)
        approval_pages.write_approvals(shell, approvals)
        if not approvals:
            shell.note("no approvals match")
        elif next(found, None) is not None:
            shell.note(f"the newest {limit}; --limit 0 for all")


def show(shell: Shell, id: ApprovalId) -> None:
    """Show everything about one approval: the question, its arguments, what was decided."""
    with shell.client() as client:
        approval = client.approvals.get(id)
    if shell.is_for_people:
        approval_pages.write_approval(shell, approval)
    else:
        write_record(shell, approval_record(approval), key="id")


def approve(
    shell: Shell,
    ids: ApprovalIds,
    by: By = None,
    note: Note = "",
    edited: Annotated[
        str | None,
        typer.Option(
            "--arguments",
            "-a",
            help="The arguments as edited, in place of all of them; @file or - for stdin.",
            metavar="JSON|@FILE|-",
        ),
    ] = None,
    timeout: Timeout = None,
) -> ExitCode | None:
    """Approve, and wait until a worker has applied it, for 5s or as --timeout says.

    An answer that no worker has applied by then is stored, and will be applied by the next one.
    The same answer again changes nothing; another one than was given is a conflict.
    """
    values = None if edited is None else _edited(edited, ids)
    who = _who(by)
    wait = _APPLIED_WITHIN if timeout is None else timeout

    def act(approvals: SyncApprovals, approval_id: str) -> Approval:
        return approvals.approve(approval_id, by=who, note=note, arguments=values, timeout=wait)

    return _answer(shell, ids, act, verb="approve")


def deny(
    shell: Shell, ids: ApprovalIds, by: By = None, note: Note = "", timeout: Timeout = None
) -> ExitCode | None:
    """Deny, and wait until a worker has applied it, as approve does."""
    who = _who(by)
    wait = _APPLIED_WITHIN if timeout is None else timeout

    def act(approvals: SyncApprovals, approval_id: str) -> Approval:
        return approvals.deny(approval_id, by=who, note=note, timeout=wait)

    return _answer(shell, ids, act, verb="deny")


def _answer(
    shell: Shell,
    given: list[str],
    act: Callable[[SyncApprovals, str], Approval],
    *,
    verb: str,
) -> ExitCode | None:
    """Answer each; one that fails is told of, and the others still answered."""
    ids = arguments.read_ids(given)
    codes: set[ExitCode] = set()

    def answered(approvals: SyncApprovals) -> Iterator[Approval]:
        for approval_id in ids:
            try:
                yield act(approvals, approval_id)
            except (PerdureError, TimeoutError) as error:
                shell.show_error(error)
                codes.add(code_of(error))

    with shell.client() as client:
        if shell.is_for_people:
            for approval in answered(client.approvals):
                approval_pages.tell_answer(shell, approval, verb=verb)
        else:
            write_records(shell, map(approval_record, answered(client.approvals)), key="id")
    if not ids:
        shell.note("no ids were given")
    return None if not codes else codes.pop() if len(codes) == 1 else ExitCode.ERROR


def _edited(text: str, ids: list[str]) -> Any:
    if len(ids) != 1 or arguments.FROM_STDIN in ids:
        message = "--arguments goes with one approval"
        raise CommandError(message, step="one ID at a time", code=ExitCode.USAGE)
    values = arguments.read_json(text, option="--arguments")
    if values is None:
        message = "--arguments: null would leave them as they were asked for"
        raise CommandError(message, step="leave --arguments out", code=ExitCode.USAGE)
    return values


def _who(given: str | None) -> str:
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError) as error:
        message = "nobody knows who you are here: there is no login name"
        raise CommandError(message, step="--by NAME", code=ExitCode.USAGE) from error
