"""How results are written, in each of the formats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.cli.options import Format
from perdure.cli.text import plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.cli.shell import Shell


_GAP = 2
_LEAST_WIDTHS = (24, 12, 6)


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
    lines = [[Cell(text=column.title, style="bold") for column in columns]]
    lines += [[_as_cell(cell) for cell in row] for row in rows]
    widths = [max(_width(line[number]) for line in lines) for number in range(len(columns))]
    if shell.out.is_terminal:
        _fit(widths, columns, shell.out.width)
    mark = "…" if shell.out.is_unicode else "~"
    for line in lines:
        pieces = []
        for cell, width, column in zip(line, widths, columns, strict=True):
            text = shortened(cell.text, width, mark=mark)
            space = " " * (width - _width(Cell(text=text)))
            text = space + text if column.is_number else text + space
            pieces += [(text, cell.style), ("  ", "")]
        shell.out.pieces(*pieces[:-1])


def _fit(widths: list[int], columns: Sequence[Column], total: int) -> None:
    """Take what is over ``total`` from the elastic columns, the last first."""
    excess = sum(widths) + _GAP * (len(widths) - 1) - total
    for least in _LEAST_WIDTHS:
        for number in reversed(range(len(columns))):
            if excess > 0 and columns[number].is_elastic and widths[number] > least:
                taken = min(excess, widths[number] - least)
                widths[number] -= taken
                excess -= taken


def _as_cell(cell: Cell | str) -> Cell:
    if isinstance(cell, str):
        return Cell(text=plain(cell))
    return Cell(text=plain(cell.text), style=cell.style)


def _width(cell: Cell) -> int:
    if cell.text.isascii():
        return len(cell.text)
    from rich.cells import cell_len

    return cell_len(cell.text)


def _write_array(shell: Shell, records: Iterable[dict[str, Any]]) -> None:
    # Record by record, so that a listing of any length needs no memory.
    is_first = True
    for record in records:
        shell.out.write(f"{'[' if is_first else ','}\n  {_dumped(record)}")
        is_first = False
    shell.out.write("[]\n" if is_first else "\n]\n")


def _dumped(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False)
