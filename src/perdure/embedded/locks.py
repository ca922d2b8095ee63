"""Liveness: each process holds an OS lock on a file of its own, until it ends, however it ends.

The locks are POSIX record locks, because a forked child does not inherit them: an orphaned child
cannot keep its dead parent alive in the eyes of others. They have two traps. They do not conflict
within one process, so a registry knows which ones this very process holds. And closing *any*
descriptor of a file drops the process's locks on it, so a file of our own is never opened again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
import uuid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FileKey = tuple[int, int]

_NAME: Final = re.compile(r"[0-9a-f]{32}")


class ProcessLock:
    """A lock held by this process until it is released or the process ends, however it ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._pid = os.getpid()

    @classmethod
    def hold(cls, folder: Path) -> ProcessLock:
        """Make a file of a new name in ``folder`` and lock it.

        Raises:
            OSError: The folder cannot be made or written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            path = folder / uuid.uuid4().hex
            with _guard:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
                if _lock(descriptor) and _is_same_file(path, descriptor):
                    _held.add(_key(os.fstat(descriptor)))
                    return cls(path, descriptor)
                # A sweep took the file for an orphan in the moment between making and locking it.
                os.close(descriptor)

    @property
    def name(self) -> str:
        """The name under which others find it in the same folder."""
        return self._path.name

    @property
    def is_held(self) -> bool:
        """Whether this process holds it, and others can still see that it does."""
        with _guard:
            return self._is_ours() and _is_same_file(self._path, self._descriptor)

    def release(self) -> None:
        """Remove the file and let go. May be called twice. In a forked child it only forgets."""
        with _guard:
            if self._descriptor < 0:
                return
            if self._is_ours():
                # Others may reuse the inode once it is closed; it must not count as ours then.
                _held.discard(_key(os.fstat(self._descriptor)))
                with contextlib.suppress(OSError):
                    self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_ours(self) -> bool:
        return self._descriptor >= 0 and self._pid == os.getpid()


def is_dead(folder: Path, name: str) -> bool:
    """Return whether the process that held the lock ``name`` has ended; a stopped one has not.

    Raises:
        OSError: The folder cannot be read.
    """
    return _try_bury(folder / name, remove=False)


def remove(folder: Path, name: str) -> None:
    """Remove the file of a process that is dead; one that lives keeps it.

    Raises:
        OSError: The folder cannot be written.
    """
    _try_bury(folder / name, remove=True)


def sweep(folder: Path, *, known: frozenset[str]) -> int:
    """Remove the files of dead processes that are not ``known``, and return how many there were.

    They are left by processes that were killed before others had heard of them.

    Raises:
        OSError: The folder cannot be written.
    """
    try:
        names = {name for name in os.listdir(folder) if _NAME.fullmatch(name)}
    except FileNotFoundError:
        return 0
    return sum(_try_bury(folder / name, remove=True) for name in names - known)


_guard = threading.Lock()
_held: set[_FileKey] = set()


def _try_bury(path: Path, *, remove: bool) -> bool:
    with _guard:
        try:
            if _key(path.stat()) in _held:
                return False
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        try:
            is_free = _lock(descriptor)
            if is_free and remove:
                # While it is locked, so that nobody who has just made it believes to hold it.
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
            return is_free
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes
        return False
    return True


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        return _key(path.stat()) == _key(os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _key(status: os.stat_result) -> _FileKey:
    return status.st_dev, status.st_ino


def _forget_parent() -> None:
    """Begin anew in a forked child: it holds none of its parent's locks."""
    global _guard
    _guard = threading.Lock()  # another thread of the parent may have held it at the fork
    _held.clear()


os.register_at_fork(after_in_child=_forget_parent)
