"""The file of a record of results: opened, verified, and replaced if it is damaged.

Its name holds the version of its shape, so versions of perdure that differ in it never meet. It is
that of a symbolic link to the file in use, and no file gets the name of another one: SQLite removes
the log of a file that nobody uses any more by its name.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import time
import uuid
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import quote

from perdure.spi.bridge.result_rows import SCHEMA
from perdure.state_folder import make_private_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure.spi.bridge.result_claims import ResultClaims

_T = TypeVar("_T")

FILE_NAME: Final = "results-1.db"

_APPLICATION_ID: Final = 0x70657272  # "perr"
_MAX_CHECKED_BYTES: Final = 16 << 20
_PATIENCE_SECONDS: Final = 10.0
_FIRST_NAP_SECONDS: Final = 0.0005
_NAP_SHARE: Final = 0.02
_KEPT_LOG_BYTES: Final = 8 << 20

# synchronous: a commit survives whatever happens to processes; where it must survive a loss of
# power too, the writer says so. wal_autocheckpoint: the writer makes checkpoints, between commits.
# journal_size_limit: overwriting a log in place syncs in half the time of growing it.
_SETTINGS: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {_KEPT_LOG_BYTES}",
    "PRAGMA trusted_schema = OFF",
)
_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_IN_THE_WAY: Final = frozenset({errno.EEXIST, errno.ENOTDIR})
_UNWRITABLE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_logger = logging.getLogger(__name__)


class DamagedError(sqlite3.DatabaseError):
    """The file is not, or no longer, a record of results."""


class ResultFile:
    """One connection to the file that lies at a path now. For one thread at a time."""

    def __init__(self, path: Path, claims: ResultClaims, *, is_patient: bool = True) -> None:
        """Open nothing yet.

        Args:
            path: Where it lies.
            claims: What keeps others away while it is opened.
            is_patient: Whether to take time: to wait for others up to 10 s, and to search a file
                that is not large for damage when it is opened.
        """
        self.path = path
        self._claims = claims
        self._is_patient = is_patient
        self._patience_seconds = _PATIENCE_SECONDS if is_patient else 0.0
        self._connection: sqlite3.Connection | None = None
        self._name = ""

    def connection(self) -> sqlite3.Connection:
        """Return the connection; a new one if there is none, or the file is another one now.

        A damaged file is left alone, and a new one begun.

        Raises:
            sqlite3.Error: The file cannot be used.
            OSError: As above.
        """
        if self._connection is not None:
            if _target(self.path) == self._name:
                return self._connection
            self.close()
        make_private_folder(self.path.parent)
        with self._claims.alone(patience_seconds=self._patience_seconds):
            self._name = _target(self.path) or _begin(self.path)
            try:
                connection = _insist(self._open, self._patience_seconds)
            except sqlite3.DatabaseError as error:
                if not is_damage(error):
                    raise
                self._name = _begin_instead(self.path, error)
                connection = _insist(self._open, self._patience_seconds)
        self._connection = connection
        return connection

    def replace(self, error: sqlite3.Error) -> None:
        """Begin a new file because ``error`` shows that this one is damaged.

        Raises:
            OSError: It cannot be made.
        """
        self.close()
        with self._claims.alone(patience_seconds=self._patience_seconds):
            # Unless another process was faster.
            if _target(self.path) == self._name:
                _begin_instead(self.path, error)

    def checkpoint(self) -> None:
        """Move what is in the write-ahead log into the file, so that the log starts anew.

        Raises:
            sqlite3.Error: It failed.
        """
        # A second connection pins the log: up to 3.51.2 SQLite may lose frames if another process
        # starts the log anew meanwhile (https://sqlite.org/wal.html#walresetbug).
        with contextlib.closing(_insist(self._pin, self._patience_seconds)) as pin:
            self.connection().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            pin.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connection. May be called twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        path = self.path.with_name(self._name)
        connection = _connect(path)
        try:
            _prepare(connection, path.parent)
            _verify(connection)
            if self._is_patient and path.stat().st_size <= _MAX_CHECKED_BYTES:
                _search_for_damage(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _pin(self) -> sqlite3.Connection:
        connection = _connect(self.path.with_name(self._name))
        try:
            connection.execute("BEGIN")
            # The read is what pins: a plain BEGIN takes no snapshot.
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection, *, is_patient: bool = True) -> Iterator[None]:
    """Commit what is done in the block, or nothing of it.

    Raises:
        sqlite3.Error: It failed, or another writer has not ended its own for 10 s; without
            patience, there is one.
    """
    _insist(lambda: connection.execute("BEGIN IMMEDIATE"), _PATIENCE_SECONDS if is_patient else 0)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        raise


def is_damage(error: Exception) -> bool:
    """Return whether ``error`` says that the file is damaged."""
    return isinstance(error, DamagedError) or _code(error) in _DAMAGE


def problem_of(error: Exception) -> str:
    """Return what ``error`` means for somebody who is to put it right."""
    code, number = _code(error), getattr(error, "errno", None)
    if code == sqlite3.SQLITE_FULL or number in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "the disk is full, or a quota is used up; free some space"
    elif code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN} or number in _UNWRITABLE:
        remedy = "it cannot be written; give this user write permission on the file and its folder"
    elif number in _IN_THE_WAY:
        remedy = "what is in its way is not a folder"
    elif code in _BUSY or isinstance(error, TimeoutError):
        remedy = "another program keeps it locked; close that program, or end its transaction"
    else:
        remedy = "look at the disk and the system's log"
    return f"{remedy} ({error})"


def _insist(step: Callable[[], _T], patience_seconds: float) -> _T:
    """Try until others leave the file to us; SQLite's own wait does not cover all of the steps."""
    waited_seconds = 0.0
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if _code(error) not in _BUSY or waited_seconds >= patience_seconds:
                raise
        # Often at first: a busy writer leaves only short gaps.
        nap_seconds = _FIRST_NAP_SECONDS + _NAP_SHARE * waited_seconds
        time.sleep(nap_seconds)
        waited_seconds += nap_seconds


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rwc",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=0,
    )
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.OperationalError(f"SQLite cannot use a write-ahead log here ({mode})")
    if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None:
        with transaction(connection):
            for statement in SCHEMA:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
        sync_folder(folder)


def _verify(connection: sqlite3.Connection) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    if application_id != _APPLICATION_ID:
        raise DamagedError("it is a database of another program")
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    if missing := {"outcomes", "starts"} - names:
        raise DamagedError(f"table {min(missing)} is missing")


def _search_for_damage(connection: sqlite3.Connection) -> None:
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise DamagedError(verdict.replace("\n", " "))


def _begin(path: Path) -> str:
    """Let ``path`` be the name of a new file, and return the file's own."""
    name = f"{path.stem}-{uuid.uuid4().hex}.db"
    link = path.with_name(f"{name}.link")
    link.symlink_to(name)
    link.replace(path)
    return name


def _begin_instead(path: Path, error: sqlite3.Error) -> str:
    damaged, name = _target(path), _begin(path)
    _logger.warning(
        "the record of results %s is damaged (%s); it is left as %s, and a new one is begun. What "
        "ended before and is delivered again runs again, under the same key",
        path,
        error,
        damaged,
    )
    return name


def _target(path: Path) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def _code(error: Exception) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF
