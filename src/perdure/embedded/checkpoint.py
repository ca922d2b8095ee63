"""The checkpointer: a thread that moves the write-ahead log into the file, off the hot path.

It keeps the log short (a soft limit) without ever blocking a writer. A writer that never pauses
can outrun it, so at a hard limit it holds writers off for the moment that the last pages take.

Each checkpoint runs while a second connection pins the log by a read transaction. Up to 3.51.2,
SQLite has a race (https://sqlite.org/wal.html#walresetbug): a checkpoint that begins while a
writer starts the log anew may mark frames as done that are not, and lose them. A pinned log cannot
be started anew; and where the pin comes too late for that, because the log was done already, it
keeps the checkpoint from copying anything.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.embedded.connection import connect_again
from perdure.embedded.faults import translate
from perdure.embedded.wal import WalUse, measure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)

SOFT_LIMIT_BYTES: Final = 4 << 20
HARD_LIMIT_BYTES: Final = 16 << 20

_NAP_SECONDS: Final = 0.1
_TRIES: Final = range(3)
_TURN_TRIES: Final = 1_000
_TURN_NAP_SECONDS: Final = 0.0002


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a checkpoint has come."""

    frames: int
    copied_frames: int

    @property
    def is_complete(self) -> bool:
        """Whether the file held all of the log at that moment."""
        return self.copied_frames >= self.frames


class Checkpointer:
    """Keeps the log of one file short for as long as it runs. One for each process that writes."""

    def __init__(
        self,
        path: Path,
        *,
        soft_limit_bytes: int = SOFT_LIMIT_BYTES,
        hard_limit_bytes: int = HARD_LIMIT_BYTES,
    ) -> None:
        self._path = path
        self._soft_limit_bytes = soft_limit_bytes
        self._hard_limit_bytes = hard_limit_bytes
        self._tried = WalUse()
        self._is_nudged = threading.Event()
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="perdure-checkpointer", daemon=True)
        self._thread.start()

    def note_commit(self) -> None:
        """Say that the log has grown. Costs next to nothing; from any thread."""
        if not self._is_nudged.is_set():
            self._is_nudged.set()

    def stop(self) -> None:
        """End the thread and close its connections. May be called twice."""
        self._is_stopped.set()
        self._is_nudged.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            self._is_nudged.wait()
            # Cleared before the look at _is_stopped, so that no stop() in between is missed.
            self._is_nudged.clear()
            if self._is_stopped.wait(_NAP_SECONDS):
                return
            try:
                self._look()
            except (sqlite3.Error, OSError) as error:
                _log.warning("checkpoint failed, the log grows: %s", translate(error, self._path))

    def _look(self) -> None:
        use = measure(self._path)
        if use.salts != self._tried.salts:
            self._tried = WalUse(salts=use.salts)
        # Measured from the last try, so that a reader who stands in the way does not keep this
        # thread busy.
        if use.size_bytes - self._tried.size_bytes < self._soft_limit_bytes:
            return
        self._tried = use
        checkpoint(self._path)
        if use.size_bytes < self._hard_limit_bytes:
            return
        # All that was there is copied, but a busy writer has written more, and it starts the log
        # anew only if nothing is left to copy when its turn comes. Not each try gets that far: a
        # writer that asks for its turn reads for a moment, from a place in the log that is past.
        if not any(checkpoint(self._path, hold_off_writers=True).is_complete for _ in _TRIES):
            _log.warning(
                "%s-wal has grown to %d MB: a reader stays in the way",
                self._path,
                use.size_bytes >> 20,
            )


def checkpoint(path: Path, *, hold_off_writers: bool = False) -> Progress:
    """Copy what can be copied from the log of ``path`` into the file.

    Args:
        path: The file.
        hold_off_writers: Let nobody write meanwhile, so that it can come to an end.

    Raises:
        sqlite3.Error: It failed, or no turn to write came in a third of a second or so.
    """
    with (
        _pinned(path, hold_off_writers=hold_off_writers),
        contextlib.closing(connect_again(path)) as worker,
    ):
        _, frames, copied_frames = worker.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return Progress(frames=frames, copied_frames=copied_frames)


@contextlib.contextmanager
def _pinned(path: Path, *, hold_off_writers: bool) -> Iterator[None]:
    with contextlib.closing(connect_again(path)) as pin:
        if hold_off_writers:
            _begin_to_write(pin)
        else:
            pin.execute("BEGIN")
        # The read is what pins: a plain BEGIN takes no snapshot.
        pin.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
        yield
        pin.execute("ROLLBACK")


def _begin_to_write(connection: sqlite3.Connection) -> None:
    # A busy writer leaves gaps of microseconds; SQLite's own wait looks too rarely to meet one.
    for _ in range(_TURN_TRIES):
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("BEGIN IMMEDIATE")
            return
        time.sleep(_TURN_NAP_SECONDS)
    connection.execute("BEGIN IMMEDIATE")
