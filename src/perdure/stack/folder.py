"""The folder of a stack: where its files lie, and a lock against two commands at once."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.stack.errors import StackError
from perdure.stack.record import RECORD_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEFAULT_ROOT = Path(".perdure") / "stack"
_LOCK = "lock"
_LOCK_SECONDS = 120.0
_POLL_SECONDS = 0.02


class StackFolder:
    """Where one stack lives: its record, its lock, its logs and its state."""

    def __init__(self, path: Path) -> None:
        # Absolute, because the servers and later commands work elsewhere.
        self.path = path.absolute()

    @classmethod
    def default(cls, name: str) -> Path:
        """Return where the stack called ``name`` lives if nobody says otherwise."""
        return DEFAULT_ROOT / name

    @classmethod
    def names(cls) -> list[str]:
        """Return the names of the stacks that were brought up in their default folders here."""
        return sorted(record.parent.name for record in DEFAULT_ROOT.glob(f"*/{RECORD_NAME}"))

    @property
    def state(self) -> Path:
        """What outlives ``down``: databases, certificates, keys."""
        return self.path / "state"

    @property
    def logs(self) -> Path:
        """A file for each server."""
        return self.path / "logs"

    def log(self, server: str) -> Path:
        """Return the log file of ``server``."""
        return self.logs / f"{server}.log"

    def make(self) -> None:
        """Make what is missing; only its owner may look inside, since there are secrets in it.

        Raises:
            OSError: It cannot be made.
        """
        for folder in (self.path, self.state, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def set_logs_aside(self) -> None:
        """Begin new logs; those of the time before stay beside them as ``….log.old``."""
        for log in self.logs.glob("*.log"):
            log.replace(log.with_suffix(".log.old"))

    def purge(self) -> None:
        """Remove everything but the logs: what was stored, and settings that may hold passwords."""
        kept = (self.logs, self.path / _LOCK)
        for path in self.path.iterdir():
            if path in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()

    @contextlib.contextmanager
    def locked(self, *, name: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold the lock of the stack; it ends with the process, however that ends.

        Raises:
            StackError: Another command held it for too long.
        """
        self.make()
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor, name=name, tell=tell)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, *, name: str, tell: Callable[[str], None]) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        has_told = False
        while True:
            # Not a record lock: it has to keep out another thread of this process too.
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            if not has_told:
                tell(f"another command works on stack {name!r} in {self.path}; waiting for it")
                has_told = True
            if time.monotonic() >= deadline:
                problem = f"another command has been working on it for {_LOCK_SECONDS:.0f} s"
                raise StackError(stack=name, problem=f"{problem}, in {self.path}")
            time.sleep(_POLL_SECONDS)


def end_of(log: Path, *, lines: int = 20) -> str:
    """Return the last lines of a log; nothing if there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 64 * 1024))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
