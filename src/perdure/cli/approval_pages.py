"""Approvals as they are shown: the table, the page of one, the record for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perdure.approvals.record import ApprovalState
from perdure.cli.options import Format
from perdure.cli.pages import write_fact
from perdure.cli.results import Cell, Column, write_table
from perdure.cli.stored import compact_json, pretty_json
from perdure.cli.text import iso, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from perdure.approvals.record import Approval, ApprovalDecision
    from perdure.cli.shell import Shell

_SIGNS = {
    ApprovalState.WAITING: ("○", "o", "cyan"),
    ApprovalState.STORED: ("●", "*", "blue"),
    ApprovalState.APPROVED: ("✓", "+", "green"),
    ApprovalState.DENIED: ("✗", "x", "red"),
    ApprovalState.EXPIRED: ("▲", "!", "yellow"),
    ApprovalState.CLOSED: ("■", "#", "dim"),
}
_COLUMNS = (
    Column(title="STATE"),
    Column(title="ID", is_elastic=True),
    Column(title="NAME", is_elastic=True),
    Column(title="ASKED"),
    Column(title="DEADLINE"),
    Column(title="MESSAGE", is_elastic=True),
)
_WIDE_COLUMNS = (
    *_COLUMNS,
    Column(title="AGENT"),
    Column(title="TOOL"),
    Column(title="SESSION", is_elastic=True),
    Column(title="ROOT", is_elastic=True),
    Column(title="ARGUMENTS", is_elastic=True),
    Column(title="BY"),
)
_ON_ONE_LINE = 60


def write_approvals(shell: Shell, approvals: Sequence[Approval]) -> None:
    """Write the table, narrow or wide; nothing where there are none."""
    if not approvals:
        return
    if shell.format is Format.WIDE:
        write_table(shell, _WIDE_COLUMNS, [_wide_row(shell, each) for each in approvals])
    else:
        write_table(shell, _COLUMNS, [_row(shell, each) for each in approvals])


def write_approval(shell: Shell, approval: Approval) -> None:
    """Write the page of one approval."""
    shell.out.pieces(
        (plain(approval.id), "bold"),
        ("  ", ""),
        (_state_words(shell, approval.state), _SIGNS[approval.state][2]),
        ("  ", ""),
        (plain(approval.name), ""),
    )
    for label, text in _facts(shell, approval):
        write_fact(shell, label, text)


def tell_answer(shell: Shell, approval: Approval, *, verb: str) -> None:
    """Write what became of an answer."""
    if approval.state is ApprovalState.STORED:
        shell.out.write(f"{approval.id}  stored\n")
        shell.note(f"to {verb} it is stored; a worker will apply it: perdure worker MODULE")
    else:
        shell.out.write(f"{approval.id}  {approval.state}\n")


def approval_record(approval: Approval) -> dict[str, Any]:
    """Return everything that is known of an approval, as plain data."""
    return {
        "id": approval.id,
        "state": approval.state.value,
        "name": approval.name,
        "message": approval.message,
        "arguments": approval.arguments,
        "agent": approval.agent,
        "tool": approval.tool,
        "session": approval.session,
        "path": list(approval.path),
        "approvers": list(approval.approvers),
        "instance_id": approval.instance_id,
        "root_id": approval.root_id,
        "requested_at": iso(approval.requested_at),
        "deadline": _iso(approval.deadline),
        "default": approval.default,
        "decision": None if approval.decision is None else _decision_record(approval.decision),
        "reason": approval.reason,
    }


def _decision_record(decision: ApprovalDecision) -> dict[str, Any]:
    return {
        "approved": decision.approved,
        "arguments": decision.arguments,
        "by": decision.by,
        "note": decision.note,
        "decided_at": iso(decision.decided_at),
        "is_default": decision.is_default,
    }


def _row(shell: Shell, approval: Approval) -> list[Cell | str]:
    return [
        Cell(text=_state_words(shell, approval.state), style=_SIGNS[approval.state][2]),
        approval.id,
        approval.name,
        Cell(text=shell.instant(approval.requested_at), style="dim"),
        Cell(text=shell.instant(approval.deadline), style="dim"),
        approval.message,
    ]


def _wide_row(shell: Shell, approval: Approval) -> list[Cell | str]:
    decision = approval.decision
    return [
        *_row(shell, approval),
        approval.agent or "-",
        approval.tool or "-",
        approval.session or "-",
        approval.root_id,
        compact_json(json.dumps(approval.arguments)),
        "-" if decision is None else _who(decision),
    ]


def _facts(shell: Shell, approval: Approval) -> Iterator[tuple[str, str]]:
    if approval.message:
        yield "message", approval.message
    yield "arguments", _value(shell, approval.arguments)
    yield "asked", shell.long_instant(approval.requested_at)
    if approval.deadline is not None:
        yield "deadline", f"{shell.long_instant(approval.deadline)}, then {approval.default}"
    yield "instance", approval.instance_id
    if approval.root_id != approval.instance_id:
        yield "root", approval.root_id
    for label in ("session", "agent", "tool"):
        if text := getattr(approval, label):
            yield label, text
    if approval.path:
        yield "path", " > ".join(approval.path)
    if approval.approvers:
        yield "approvers", ", ".join(approval.approvers)
    if approval.decision is not None:
        yield from _decision_facts(shell, approval, approval.decision)
    if approval.reason:
        yield "reason", approval.reason


def _decision_facts(
    shell: Shell, approval: Approval, decision: ApprovalDecision
) -> Iterator[tuple[str, str]]:
    yield approval.state.value, f"{shell.long_instant(decision.decided_at)} by {_who(decision)}"
    if decision.note:
        yield "note", decision.note
    if decision.arguments != approval.arguments:
        yield "edited", _value(shell, decision.arguments)


def _who(decision: ApprovalDecision) -> str:
    return "default" if decision.is_default else decision.by or "-"


def _value(shell: Shell, value: object) -> str:
    text = json.dumps(value)
    line = compact_json(text)
    return line if len(line) <= max(shell.out.width - 12, _ON_ONE_LINE) else pretty_json(text)


def _state_words(shell: Shell, state: ApprovalState) -> str:
    return f"{_SIGNS[state][0 if shell.out.is_unicode else 1]} {state.value}"


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else iso(instant)
