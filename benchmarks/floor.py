"""Floors: what bare SQLite does in the engine's mode, with none of an engine's work.

No engine on this storage can be faster. Rows are as long as perdure's journal rows for the same
step.
"""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ROW = "x" * 220
_INSERT = "INSERT INTO rows (body) VALUES (?)"


def connect(path: Path) -> sqlite3.Connection:
    """Open a fresh file in the engine's mode."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, body TEXT)")
    return connection


def commits(path: Path, *, count: int, rows: int = 1, body: str = ROW) -> float:
    """Return the seconds that ``count`` commits of ``rows`` rows each take, one after the other."""
    connection = connect(path)
    batch = [(body,)] * rows
    begun = time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(_INSERT, batch)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def chain(path: Path, *, steps: int) -> float:
    """Return the least a chain can take: a commit for its start, and one a step."""
    return commits(path, count=steps + 1)


def fan_out(path: Path, *, width: int) -> float:
    """Return the least a fan-out can take: all commands in one commit, all results in one."""
    return commits(path, count=2, rows=width)


def grouped(path: Path, *, workflows: int, steps: int) -> float:
    """Return the least that many chains in lockstep can take: every step of all in one commit."""
    return commits(path, count=steps + 1, rows=workflows)


def payload(path: Path, *, size: int) -> float:
    """Return the least one step with a payload can take: input, command and result are written."""
    return commits(path, count=3, body="x" * size)


def read_back(path: Path, *, rows: int) -> float:
    """Return the seconds to read ``rows`` rows from a file opened anew."""
    commits(path, count=1, rows=rows)
    begun = time.perf_counter()
    connection = sqlite3.connect(path)
    for (body,) in connection.execute("SELECT body FROM rows ORDER BY id"):
        assert body
    connection.close()
    return time.perf_counter() - begun
