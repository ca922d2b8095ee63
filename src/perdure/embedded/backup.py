"""Backups: a verified copy of the file, made while workers run."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import uuid
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from perdure.embedded import schema
from perdure.embedded.connection import open_database, translate
from perdure.embedded.faults import corrupt
from perdure.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


def backup(source: Path, target: Path) -> None:
    """Copy all that is committed in ``source`` to the new file ``target``, while workers go on.

    Blocks until it is done. The copy is complete and checked before it appears under its name. A
    worker that opens it carries on from where the copy was made.

    Raises:
        StorageError: ``source`` cannot be read, or ``target`` exists or cannot be written; then
        there is none.
    """
    source, target = Path(source).resolve(), Path(target).absolute()
    if os.path.lexists(target):
        raise _exists(target)
    with contextlib.closing(open_database(source, read_only=True)) as connection:
        try:
            with _partial(target, mode=source.stat().st_mode & 0o777) as partial:
                _copy(connection, source, partial)
                _verify(partial)
                _publish(partial, target)
        except FileExistsError as error:
            raise _exists(target) from error
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise translate(error, target) from error


def _exists(target: Path) -> StorageError:
    problem = "it exists already, and a backup overwrites nothing; choose another name"
    return StorageError(path=str(target), kind="other", problem=problem)


@contextlib.contextmanager
def _partial(target: Path, *, mode: int) -> Iterator[Path]:
    """Yield an empty file beside ``target``, as private as the source, which is gone afterwards."""
    path = target.with_name(f"{target.name}.partial-{uuid.uuid4().hex[:8]}")
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode))
    try:
        yield path
    finally:
        for leftover in (path, Path(f"{path}-journal")):
            leftover.unlink(missing_ok=True)


def _copy(connection: sqlite3.Connection, source: Path, partial: Path) -> None:
    try:
        connection.execute("VACUUM INTO :target", {"target": str(partial)})
    except sqlite3.Error as error:
        # Damage is the source's; a full disk or a refused write is the copy's.
        is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_CORRUPT
        raise translate(error, source if is_damaged else partial) from error


def _verify(partial: Path) -> None:
    # Nobody else uses it yet, so no locks: they may not exist where backups lie.
    uri = f"file:{quote(str(partial))}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
        try:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            fault = schema.difference(connection) if verdict == "ok" else verdict
        except sqlite3.Error as error:
            raise translate(error, partial) from error
    if fault:
        raise corrupt(partial, fault)


def _publish(partial: Path, target: Path) -> None:
    _sync(partial)
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:
        # Some file systems have no hard links. Taking the name first keeps another backup off it.
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC))
        partial.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
