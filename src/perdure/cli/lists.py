"""The table of instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.cli.looks import status_style, status_words
from perdure.cli.options import Format
from perdure.cli.results import Cell, Column, write_table
from perdure.cli.stored import compact_json
from perdure.cli.text import short_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.cli.shell import Shell
    from perdure.types import InstanceInfo

_COLUMNS = (
    Column(title="STATUS"),
    Column(title="ID", is_elastic=True),
    Column(title="WORKFLOW", is_elastic=True),
    Column(title="CREATED"),
    Column(title="TOOK", is_number=True),
    Column(title="NOTE", is_elastic=True),
)
_WIDE_COLUMNS = (
    *_COLUMNS[:4],
    Column(title="UPDATED"),
    *_COLUMNS[4:5],
    Column(title="RUN"),
    Column(title="TAGS", is_elastic=True),
    Column(title="CUSTOM STATUS", is_elastic=True),
    Column(title="FAILURE", is_elastic=True),
)


def write_instances(shell: Shell, infos: Sequence[InstanceInfo]) -> None:
    """Write the table, narrow or wide; nothing where there are none."""
    if not infos:
        return
    if shell.format is Format.WIDE:
        write_table(shell, _WIDE_COLUMNS, [_wide_row(shell, info) for info in infos])
    else:
        write_table(shell, _COLUMNS, [_row(shell, info) for info in infos])


def _first_cells(shell: Shell, info: InstanceInfo) -> list[Cell | str]:
    words = status_words(info.status, is_unicode=shell.out.is_unicode)
    return [
        Cell(text=words, style=status_style(info.status)),
        info.instance_id,
        info.name,
        Cell(text=shell.instant(info.created_at), style="dim"),
    ]


def _row(shell: Shell, info: InstanceInfo) -> list[Cell | str]:
    return [*_first_cells(shell, info), _took(info), _note(info)]


def _wide_row(shell: Shell, info: InstanceInfo) -> list[Cell | str]:
    return [
        *_first_cells(shell, info),
        Cell(text=shell.instant(info.updated_at), style="dim"),
        _took(info),
        info.run_id[:8],
        " ".join(f"{key}={value}" for key, value in info.tags.items()),
        compact_json(info.custom_status_json),
        failure_words(info),
    ]


def failure_words(info: InstanceInfo) -> str:
    """Return why an instance failed or stands still, in one line; empty if it does not."""
    if info.failure is not None:
        kind = info.failure.type.rpartition(".")[2]
        return f"{kind}: {info.failure.message}" if info.failure.message else kind
    return info.reason or ""


def _note(info: InstanceInfo) -> Cell:
    if words := failure_words(info):
        return Cell(text=words, style=status_style(info.status))
    return Cell(text=compact_json(info.custom_status_json), style="dim")


def _took(info: InstanceInfo) -> str:
    if info.finished_at is None:
        return "-"
    return short_duration((info.finished_at - info.created_at).total_seconds())
