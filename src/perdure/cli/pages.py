"""The page of one instance, and how its end is told."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from perdure.cli.lists import failure_words
from perdure.cli.looks import status_style, status_words
from perdure.cli.options import Format
from perdure.cli.stored import compact_json, pretty_json
from perdure.cli.text import plain, plain_lines, short_duration
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.cli.shell import Shell
    from perdure.types import Failure, InstanceInfo

_LABEL_WIDTH = 10
_ON_ONE_LINE = 60
_ENDINGS = {
    Status.FAILED: ("failed", "perdure history {id}"),
    Status.TERMINATED: ("was terminated", "perdure history {id}"),
    Status.STALLED: ("is stalled", "perdure worker MODULE, with the code it began with"),
}


def write_instance(shell: Shell, info: InstanceInfo) -> None:
    """Write the page of one instance: a line of status, its facts, its payloads."""
    words = status_words(info.status, is_unicode=shell.out.is_unicode)
    shell.out.pieces(
        (plain(info.instance_id), "bold"),
        ("  ", ""),
        (words, status_style(info.status)),
        ("  ", ""),
        (plain(info.name), ""),
    )
    for label, text in _facts(shell, info):
        write_fact(shell, label, text)
    if info.failure is not None:
        _write_failure(shell, info.failure)
    elif info.reason:
        write_fact(shell, "reason", info.reason, style=status_style(info.status))


def write_value(shell: Shell, stored: str | None) -> None:
    """Write a stored value as JSON, on one line where it is short."""
    line = compact_json("null" if stored is None else stored)
    shell.out.write((line if len(line) <= shell.out.width else pretty_json(stored)) + "\n")


def outcome_words(info: InstanceInfo) -> tuple[str, str]:
    """Return how an instance ended, and what to do next."""
    words, step = _ENDINGS.get(info.status, (f"is {info.status}", "perdure show {id}"))
    why = failure_words(info)
    message = f"workflow instance {info.instance_id!r} {words}" + (f": {why}" if why else "")
    return message, step.replace("{id}", info.instance_id)


def write_fact(shell: Shell, label: str, text: str, *, style: str = "") -> None:
    """Write one fact of a page, behind its label."""
    lines = plain_lines(text).split("\n")
    if shell.out.is_terminal:
        room = max(shell.out.width - _LABEL_WIDTH - 2, _LABEL_WIDTH)
        lines = [part for line in lines for part in _wrapped(line, room)]
    first, *others = lines
    shell.out.pieces((f"  {label:<{_LABEL_WIDTH}}", "dim"), (first, style))
    for line in others:
        shell.out.pieces((" " * (_LABEL_WIDTH + 2), ""), (line, style))


def _facts(shell: Shell, info: InstanceInfo) -> Iterator[tuple[str, str]]:
    yield "created", shell.long_instant(info.created_at)
    if info.start_at is not None and info.status is Status.PENDING:
        yield "starts", shell.long_instant(info.start_at)
    if info.finished_at is not None:
        yield "took", short_duration((info.finished_at - info.created_at).total_seconds())
    else:
        yield "updated", shell.long_instant(info.updated_at)
    yield "run", info.run_id
    if info.parent is not None:
        yield "parent", f"{info.parent.instance_id} (command {info.parent.command_id})"
    if info.tags:
        yield "tags", " ".join(f"{key}={value}" for key, value in info.tags.items())
    if info.headers and shell.format is Format.WIDE:
        yield "headers", " ".join(f"{key}={value}" for key, value in info.headers.items())
    if info.custom_status_json not in (None, "null"):
        yield "custom", _payload(shell, info.custom_status_json)
    yield "input", _payload(shell, info.input_json)
    if info.status is Status.COMPLETED:
        yield "output", _payload(shell, info.output_json)


def _payload(shell: Shell, stored: str | None) -> str:
    line = compact_json("null" if stored is None else stored)
    fits = len(line) <= max(shell.out.width - _LABEL_WIDTH - 2, _ON_ONE_LINE)
    return line if fits else pretty_json(stored)


def _wrapped(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, width, subsequent_indent=indent) or [""]


def _write_failure(shell: Shell, failure: Failure) -> None:
    write_fact(shell, "failure", _summary(failure), style="red")
    cause = failure.cause
    while cause is not None:
        write_fact(shell, "cause", _summary(cause), style="red")
        cause = cause.cause
    if shell.format is Format.WIDE and failure.traceback:
        write_fact(shell, "traceback", failure.traceback.rstrip(), style="dim")


def _summary(failure: Failure) -> str:
    return f"{failure.type}: {failure.message}" if failure.message else failure.type
