"""What an SDK lacks around its threads: a count of what runs, and a sign that it heeds soon."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_PAUSE_SECONDS: Final = 0.25


class QuickShutdown(threading.Event):
    """The SDK's sign to stop. Its loop waits for it between attempts to connect, many seconds."""

    def __init__(self, *, thread_name: str) -> None:
        super().__init__()
        self._thread_name = thread_name

    def wait(self, timeout: float | None = None) -> bool:
        """Wait, in that loop for a moment only: it stands still meanwhile."""
        if timeout is not None and threading.current_thread().name == self._thread_name:
            timeout = min(timeout, _LONGEST_PAUSE_SECONDS)
        return super().wait(timeout)


class Gauge:
    """How many activities run whose results were not sent yet."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def counting(self) -> Iterator[None]:
        """Count one."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> None:
        """Count one, until ``end`` is called."""
        with self._changed:
            self._count += 1

    def end(self) -> None:
        """Count one no longer."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_for_zero(self, seconds: float) -> bool:
        """Return whether none is left; waits for it for so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout=seconds)
