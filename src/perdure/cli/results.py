"""How results are written, in each of the formats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.cli.options import Format
from perdure.cli.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.cli.shell import Shell


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table, or a styled piece of a line."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. What is too long for the terminal is cut, in elastic columns first."""

    title: str
    is_elastic: bool = False
    is_number: bool = False


def write_records(shell: Shell, records: Iterable[dict[str, Any]], *, key: str) -> None:
    """Write records for programs, one by one as they come.

    Args:
        shell: Where to, and in which of the formats for programs.
        records: What to write.
        key: Which of their fields is the id.
    """
    if shell.format is Format.JSON:
        _write_array(shell, records)
        return
    for record in records:
        line = str(record[key]) if shell.format is Format.IDS else _dumped(record)
        shell.out.write(f"{line}\n")


def write_record(shell: Shell, record: dict[str, Any], *, key: str) -> None:
    """Write the one record that there is; in JSON it is an object, and no list."""
    if shell.format is Format.JSON:
        shell.out.write(json.dumps(record, ensure_ascii=False, indent=2) + "\n")
    else:
        write_records(shell, [record], key=key)


def write_table(
    shell: Shell, columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]]
) -> None:
    """Write a table for people: cut to the terminal, and in full where there is none."""
    cells = [[cell if isinstance(cell, Cell) else Cell(text=cell) for cell in row] for row in rows]
    if not shell.out.is_terminal:
        _write_plain_table(shell, columns, cells)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(
            column.title,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if column.is_number else "left",
            ratio=None,
            min_width=None if column.is_elastic else _widest(columns, cells, column),
        )
    for row in cells:
        table.add_row(*(Text(plain(cell.text), style=cell.style) for cell in row))
    shell.out.show(table, is_cut=True)


def _write_plain_table(
    shell: Shell, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]
) -> None:
    from rich.cells import cell_len

    lines = [[column.title for column in columns]]
    lines += [[plain(cell.text) for cell in row] for row in rows]
    widths = [max(cell_len(line[n]) for line in lines) for n in range(len(columns))]
    for line in lines:
        parts = []
        for text, width, column in zip(line, widths, columns, strict=True):
            space = " " * (width - cell_len(text))
            parts.append(space + text if column.is_number else text + space)
        shell.out.write("  ".join(parts).rstrip() + "\n")


def _widest(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], column: Column
) -> int:
    from rich.cells import cell_len

    number = columns.index(column)
    return max(cell_len(column.title), *(cell_len(plain(row[number].text)) for row in rows), 1)


def _write_array(shell: Shell, records: Iterable[dict[str, Any]]) -> None:
    # Record by record, so that a listing of any length needs no memory.
    is_first = True
    for record in records:
        shell.out.write(f"{'[' if is_first else ','}\n  {_dumped(record)}")
        is_first = False
    shell.out.write("[]\n" if is_first else "\n]\n")


def _dumped(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)
