"""Claims: which attempts of activities are being executed by a live process of this host.

A claim is a POSIX record lock on one byte of a file that holds nothing. The kernel lets go of it
when its process ends, however that ends, so there is no owner to name, nothing to expire and
nothing to clean up; and it costs two microseconds. Record locks do not conflict within one process,
so a register knows what this very process has claimed. And closing *any* descriptor of the file
drops all of the process's locks on it, so each process opens the file once, for all who use it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FileKey = tuple[int, int]

_PLACES: Final = 1 << 62
_THE_FILE_ITSELF: Final = _PLACES
_NAP_SECONDS: Final = 0.002


@dataclass(slots=True)
class _LockFile:
    descriptor: int
    identity: _FileKey
    users: int = 0
    claimed: set[int] = field(default_factory=set)


class ResultClaims:
    """The claims on the attempts whose results are in one record. From any thread."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, and make it if it is not there.

        Raises:
            OSError: It cannot be opened.
        """
        self.path = path
        self._file = _enter(path)
        self._count = 0
        self._is_closed = False

    def close(self) -> None:
        """Claim nothing more; what is claimed stays so until it is released. Twice is once."""
        with _guard:
            if not self._is_closed:
                self._is_closed = True
                self._leave_if_idle()

    def try_claim(self, key: bytes) -> bool:
        """Claim an attempt; return whether that succeeded, for nobody else has it.

        Raises:
            RuntimeError: These claims are closed.
        """
        return self._try(_place(key))

    def release(self, key: bytes) -> None:
        """Give back what was claimed."""
        self._release(_place(key))

    def is_claimed(self, key: bytes) -> bool:
        """Return whether anybody has claimed an attempt."""
        is_free = self.try_claim(key)
        if is_free:
            self.release(key)
        return not is_free

    @contextlib.contextmanager
    def alone(self, *, patience_seconds: float) -> Iterator[None]:
        """Keep all others, in this process too, from opening or replacing the record's file.

        Raises:
            TimeoutError: Somebody else has done so for ``patience_seconds``.
        """
        deadline = time.monotonic() + patience_seconds
        while not self._try(_THE_FILE_ITSELF):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{self.path} stays locked")
            time.sleep(_NAP_SECONDS)
        try:
            yield
        finally:
            self._release(_THE_FILE_ITSELF)

    def _try(self, place: int) -> bool:
        with _guard:
            if self._is_closed:
                raise RuntimeError(f"{self.path} is closed")
            if place in self._file.claimed:
                return False
            try:
                fcntl.lockf(self._file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):  # EAGAIN or EACCES, as the system likes
                return False
            self._file.claimed.add(place)
            self._count += 1
            return True

    def _release(self, place: int) -> None:
        with _guard:
            self._file.claimed.remove(place)
            fcntl.lockf(self._file.descriptor, fcntl.LOCK_UN, 1, place)
            self._count -= 1
            self._leave_if_idle()

    def _leave_if_idle(self) -> None:
        if self._is_closed and not self._count:
            _leave(self._file)


_guard = threading.Lock()
_opened: dict[_FileKey, _LockFile] = {}


def _place(key: bytes) -> int:
    # Two keys that share a place wait for each other now and then, and nothing worse.
    return int.from_bytes(key[:8], "big") % _PLACES


def _enter(path: Path) -> _LockFile:
    with _guard:
        # Looked up before it is opened: to close it again would drop what is locked.
        with contextlib.suppress(FileNotFoundError):
            if file := _opened.get(_identity(path.stat())):
                file.users += 1
                return file
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        identity = _identity(os.fstat(descriptor))
        file = _opened[identity] = _LockFile(descriptor, identity, users=1)
        return file


def _leave(file: _LockFile) -> None:
    file.users -= 1
    if not file.users and _opened.get(file.identity) is file:
        del _opened[file.identity]
        os.close(file.descriptor)


def _identity(status: os.stat_result) -> _FileKey:
    return status.st_dev, status.st_ino


def _forget_parent() -> None:
    """Begin anew in a forked child: it holds none of its parent's locks."""
    global _guard
    _guard = threading.Lock()  # another thread of the parent may have held it at the fork
    _opened.clear()


os.register_at_fork(after_in_child=_forget_parent)
