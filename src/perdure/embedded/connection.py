"""Opening the engine's file: how SQLite is used, and what is refused."""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from perdure._filesystem import network_filesystem
from perdure.embedded import schema
from perdure.embedded.faults import corrupt, locked, translate
from perdure.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_CHECKED_BYTES", "connect_again", "open_database", "translate"]

MAX_CHECKED_BYTES: Final = 16 << 20
"""Files up to this size are checked for damage each time they are opened."""

_MIN_SQLITE: Final = (3, 37, 0)
_LOCK_WAIT_SECONDS: Final = 10.0
_FIRST_NAP_SECONDS: Final = 0.0005
_NAP_SHARE: Final = 0.02
_KEPT_WAL_BYTES: Final = 32 << 20

# wal_autocheckpoint: a commit must not pay for a checkpoint, a thread of its own does them
# (checkpoint.py). journal_size_limit: overwriting a WAL in place syncs faster than growing it, so
# most of it is kept. fullfsync: on macOS a plain fsync leaves data in the drive's cache. No effect
# elsewhere.
_SETTINGS: Final = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 0",
    f"PRAGMA journal_size_limit = {_KEPT_WAL_BYTES}",
    "PRAGMA cache_size = -8000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
)


def open_database(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open ``path``: make it if it is not there, bring it up to date, and verify it.

    May block for 10 s, while another program holds it locked.
    The connection is in autocommit mode (say ``BEGIN IMMEDIATE``), does not wait for locks, and may
    be used from any one thread at a time.

    Raises:
        StorageError: It cannot be used; ``kind`` and the message say why, and what to do.
    """
    _refuse_platform(path)
    if filesystem := network_filesystem(path):
        raise StorageError(
            path=str(path),
            kind="network",
            problem=f"it lies on a network file system ({filesystem}), where SQLite's locks "
            "do not protect it; choose a local disk with PERDURE_BACKEND=sqlite:///path/to/file.db",
        )
    connection: sqlite3.Connection | None = None
    try:
        connection = _connect(path, read_only=read_only)
        _prepare_patiently(connection, path, read_only=read_only)
    except BaseException as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.Error):
            raise translate(error, path) from error
        raise
    return connection


def connect_again(path: Path) -> sqlite3.Connection:
    """Open one more connection to a file that this process has open and has verified.

    Raises:
        sqlite3.Error: It cannot be opened.
    """
    connection = _connect(path, read_only=False)
    try:
        _configure(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection) -> None:
    for setting in _SETTINGS:
        connection.execute(setting)


def _refuse_platform(path: Path) -> None:
    if os.name != "posix":
        problem = "the embedded engine needs Linux, macOS or the like; use a remote backend here"
        raise StorageError(path=str(path), kind="other", problem=problem)
    if sqlite3.sqlite_version_info < _MIN_SQLITE:
        wanted = ".".join(map(str, _MIN_SQLITE))
        problem = f"this Python has SQLite {sqlite3.sqlite_version}; {wanted} or newer is needed"
        raise StorageError(path=str(path), kind="other", problem=problem)


def _connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    mode = "mode=rwc"
    if read_only:
        # What lies on a read-only medium cannot change under us; without "immutable" SQLite would
        # want to write its shared index beside it.
        mode = "mode=ro&immutable=1" if _is_frozen(path) else "mode=ro"
    return sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=0,
    )


def _is_frozen(path: Path) -> bool:
    try:
        if not os.statvfs(path).f_flag & os.ST_RDONLY:
            return False
        return os.path.getsize(f"{path}-wal") == 0
    except FileNotFoundError:
        return path.exists()
    except OSError:
        return False


def _prepare_patiently(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    """Try until others leave the file to us; SQLite's own wait does not cover all of the steps."""
    waited_seconds = 0.0
    while True:
        try:
            return _prepare(connection, path, read_only=read_only)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raise
            if waited_seconds >= _LOCK_WAIT_SECONDS:
                raise locked(path) from error
        # Often at first: a busy writer leaves only short gaps.
        nap_seconds = _FIRST_NAP_SECONDS + _NAP_SHARE * waited_seconds
        time.sleep(nap_seconds)
        waited_seconds += nap_seconds


def _prepare(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    _configure(connection)
    if read_only:
        _refuse_foreign(connection, path)
        if schema.is_outdated(connection):
            problem = "it was written by an older perdure; a worker's start brings it up to date"
            raise StorageError(path=str(path), kind="other", problem=problem)
    else:
        _prepare_to_write(connection, path)
    _verify(connection, path)


def _prepare_to_write(connection: sqlite3.Connection, path: Path) -> None:
    is_fresh = schema.is_fresh(connection)
    if not is_fresh:
        _refuse_foreign(connection, path)
        _refuse_read_only(path)
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        problem = (
            f"SQLite cannot use a write-ahead log here (journal mode {mode}); choose another disk"
        )
        raise StorageError(path=str(path), kind="other", problem=problem)
    if is_fresh or schema.is_outdated(connection):
        schema.bring_up_to_date(connection)
        _refuse_foreign(connection, path)


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    if schema.pragma(connection, "application_id") != schema.APPLICATION_ID:
        problem = (
            "it is a SQLite database of another program; choose another path with "
            "PERDURE_BACKEND=sqlite:///path/to/file.db"
        )
        raise StorageError(path=str(path), kind="foreign", problem=problem)
    version = schema.pragma(connection, "user_version")
    if version > schema.SCHEMA_VERSION:
        problem = (
            f"it was written by a newer perdure (schema {version}, this one knows "
            f"{schema.SCHEMA_VERSION}); upgrade perdure here, or choose another path"
        )
        raise StorageError(path=str(path), kind="newer_version", problem=problem)


def _refuse_read_only(path: Path) -> None:
    # Asked of the system: SQLite would say it only at the first write, which has to wait its turn.
    if not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise translate(PermissionError(errno.EACCES, os.strerror(errno.EACCES)), path)


def _verify(connection: sqlite3.Connection, path: Path) -> None:
    if missing := schema.difference(connection):
        raise corrupt(path, missing)
    if os.path.getsize(path) <= MAX_CHECKED_BYTES:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise corrupt(path, verdict.replace("\n", " "))
