"""Fixtures of the substrate's tests: a path for a file, and that file once it is made."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure.embedded.connection import open_database

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file may be made."""
    return tmp_path / "hub.db"


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a fresh file."""
    with contextlib.closing(open_database(path)) as connection:
        yield connection


def add_steps(connection: sqlite3.Connection, count: int, *, size: int = 3_000) -> None:
    """Commit ``count`` steps of ``size`` bytes each, one by one."""
    (first,) = connection.execute("SELECT coalesce(max(seq), 0) + 1 FROM journal").fetchone()
    for seq in range(first, first + count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO journal VALUES (1, 1, ?, ?)", (seq, "x" * size))
        connection.execute("COMMIT")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that a user without privileges can reach too."""
    with tempfile.TemporaryDirectory(prefix="perdure-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
