"""The file: transactions under the fence, and the journal's rows."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from perdure.embedded.connection import open_database, translate
from perdure.embedded.transaction import NOBODY, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure.embedded.location import Synchronous

_T = TypeVar("_T")

_READ_TRIES = 200
_READ_NAP_SECONDS = 0.001

FAULTS_OF_A_ROW = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Errors that lie in what is written, not in where."""

_FENCE = "SELECT 1 FROM workers WHERE id = ?"
_JOURNAL = "SELECT entries FROM journal WHERE instance_pk = ? AND run_number = ? ORDER BY seq"


class BusyError(Exception):
    """Another process is writing; try again in a moment."""


class FencedError(Exception):
    """Others took this process for dead: what it owned is not its own any more."""


class Store:
    """One connection to the file, used by one event loop."""

    def __init__(self, path: Path, *, synchronous: Synchronous = "full") -> None:
        self.path = path
        self.connection = open_database(path)
        # Of this connection's commits alone: the checkpointer's copy of the log into the file is
        # synced always, so that a loss of power can cost commits, and never the file.
        self.connection.execute(f"PRAGMA synchronous = {synchronous}")
        self._data_version = -1

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self.connection.close()

    @contextmanager
    def transaction(
        self, *, worker_id: int, now_us: int, workflows: frozenset[str] = NOBODY, room: int = 0
    ) -> Iterator[Transaction]:
        """Write in one transaction; it is durable when the block has been left without an error.

        With ``synchronous`` normal it then outlives this process, but maybe not a loss of power.

        ``worker_id`` 0 is a process that has not registered yet, and is not fenced.

        Raises:
            BusyError: Nothing was written, another process has its turn.
            FencedError: Nothing was written, ``worker_id`` is no longer registered.
            StorageError: Nothing was written, the file cannot take it.
        """
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if worker_id and connection.execute(_FENCE, (worker_id,)).fetchone() is None:
                raise FencedError
            yield Transaction(
                connection, worker_id=worker_id, now_us=now_us, workflows=workflows, room=room
            )
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and not isinstance(error, FAULTS_OF_A_ROW):
                raise self.explain(error) from error
            raise

    def read(self, query: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what ``query`` reads, outside of a transaction.

        Raises:
            StorageError: The file cannot be read.
        """
        tries = _READ_TRIES
        while True:
            try:
                return query(self.connection)
            except sqlite3.Error as error:
                tries -= 1
                if not (tries and isinstance(self.explain(error), BusyError)):
                    raise translate(error, self.path) from error
            # A reader has to wait only while somebody repairs the index after a crash.
            time.sleep(_READ_NAP_SECONDS)

    def explain(self, error: sqlite3.Error) -> Exception:
        """Return what an error of SQLite's means to the engine."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return BusyError(str(error))
        return translate(error, self.path)

    def has_foreign_changes(self) -> bool:
        """Return whether another connection has committed since this was last asked."""
        (version,) = self.read(lambda file: file.execute("PRAGMA data_version").fetchone())
        is_new: bool = version != self._data_version
        self._data_version = version
        return is_new

    def journal_texts(self, pk: int, *, run_number: int) -> list[str]:
        """Return the journal of one run, a text of JSON Lines for each step."""
        rows = self.read(lambda file: file.execute(_JOURNAL, (pk, run_number)).fetchall())
        return [text for (text,) in rows]
