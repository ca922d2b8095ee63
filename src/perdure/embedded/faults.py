"""What an error of SQLite or of the system means for the engine's file: one StorageError each.

Every message says what happened, which file, and what to do. What is committed is safe in each.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEARLY_FULL_BYTES: Final = 1 << 20

_KIND_BY_CODE: Final = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_NOTADB: "foreign",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PROTOCOL: "locked",
}
# Extended codes that mean something else than their primary code.
_KIND_BY_EXTENDED_CODE: Final = {
    sqlite3.SQLITE_IOERR_SHORT_READ: "corrupt",
    sqlite3.SQLITE_IOERR_CORRUPTFS: "corrupt",
    sqlite3.SQLITE_IOERR_DATA: "corrupt",
    sqlite3.SQLITE_READONLY_DBMOVED: "other",
}
_KIND_BY_ERRNO: Final = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EAGAIN: "locked",
}
_REMEDY: Final = {
    "full": "the disk is full, or a quota is used up; free some space. Nothing is lost, "
    "and work goes on by itself then",
    "read_only": "it cannot be written; give this user write permission on the file and its "
    "folder, or choose another place with PERDURE_BACKEND=sqlite:///path/to/file.db",
    "corrupt": "the file is damaged; stop every process that uses it, keep a copy, and restore a "
    "backup (or try `sqlite3 FILE .recover`)",
    "foreign": "this is not a database, or its beginning is damaged; choose another path with "
    "PERDURE_BACKEND=sqlite:///path/to/file.db, or restore a backup",
    "other": "look at the disk and the system's log; what is committed is safe",
}


def translate(error: sqlite3.Error | OSError, path: Path) -> StorageError:
    """Return what ``error``, met while using the file ``path``, means; raise it ``from error``."""
    kind = kind_of(error, path)
    if kind == "locked":
        return locked(path)
    if kind == "other" and not path.exists():
        problem = f"there is no such file, or its folder is not there ({_detail(error)})"
        return StorageError(path=str(path), kind=kind, problem=problem)
    return StorageError(path=str(path), kind=kind, problem=f"{_REMEDY[kind]} ({_detail(error)})")


def kind_of(error: sqlite3.Error | OSError, path: Path) -> str:
    """Return the kind of StorageError that ``error`` is."""
    if isinstance(error, OSError):
        return _KIND_BY_ERRNO.get(error.errno or 0, "other")
    # Errors that the sqlite3 module raises on its own account carry no code.
    code: int = getattr(error, "sqlite_errorcode", 0)
    kind = _KIND_BY_EXTENDED_CODE.get(code) or _KIND_BY_CODE.get(code & 0xFF, "other")
    if kind == "other" and code & 0xFF in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}:
        return _kind_by_circumstances(path)
    return kind


def locked(path: Path) -> StorageError:
    """Return the error of a locked file; it names the program that locks it, if that is found."""
    holders = ", ".join(_holders(path))
    who = (
        f"by {holders}"
        if holders
        else "by another program (`lsof` or `fuser` with its path may show which)"
    )
    problem = f"it is locked {who}; close that program, or end its transaction"
    return StorageError(path=str(path), kind="locked", problem=problem)


def corrupt(path: Path, detail: str) -> StorageError:
    """Return the error of a damaged file."""
    return StorageError(path=str(path), kind="corrupt", problem=f"{_REMEDY['corrupt']} ({detail})")


def _detail(error: sqlite3.Error | OSError) -> str:
    name = getattr(error, "sqlite_errorname", None)
    return f"{error}; {name}" if name else str(error)


def _kind_by_circumstances(path: Path) -> str:
    # SQLite reports a full disk as an I/O error when it cannot grow the shared index, and a folder
    # that cannot be written as "unable to open".
    folder = path.parent
    try:
        if os.access(folder, os.F_OK) and not os.access(folder, os.W_OK):
            return "read_only"
        space = os.statvfs(folder)
    except OSError:
        return "other"
    return "full" if space.f_bavail * space.f_frsize < _NEARLY_FULL_BYTES else "other"


def _holders(path: Path) -> Iterable[str]:
    """Yield which processes hold a lock on ``path`` or its shared index; best effort, on Linux."""
    try:
        files = {_device_and_inode(file) for file in (path, Path(f"{path}-shm")) if file.exists()}
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    # "1: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", with a "->" before the kind if it only
    # waits.
    fields = [line.split() for line in lines]
    writers = {
        int(field[4])
        for field in fields
        if field[3] == "WRITE" and len(field) > 5 and field[5] in files
    }
    for pid in sorted(writers - {os.getpid()}):
        yield f"process {pid}{_command(pid)}"


def _device_and_inode(file: Path) -> str:
    status = file.stat()
    return f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"


def _command(pid: int) -> str:
    try:
        return (
            f" ({Path(f'/proc/{pid}/comm').read_text(encoding='utf-8', errors='replace').strip()})"
        )
    except OSError:
        return ""
