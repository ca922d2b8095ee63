"""The writer of a record of results: a thread with group commit, so that no loop waits for a disk.

All that is handed in in one round of the loop, or while a transaction is being committed, shares
the next one. Between them, when nobody waits, it moves the log into the file and drops what is old.
What was written past it, on the loop itself, it is told of, so that it knows when to do that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from perdure.spi.bridge.result_file import is_damage, problem_of, transaction
from perdure.spi.bridge.result_rows import prune

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.clock import Clock
    from perdure.spi.bridge.result_claims import ResultClaims
    from perdure.spi.bridge.result_file import ResultFile
    from perdure.spi.bridge.result_rows import ResultLimits

_T = TypeVar("_T")

_MAX_SHARING: Final = 1_000
_COMMIT_BYTES: Final = 16 << 10
_BYTES_PER_CHECKPOINT: Final = 1 << 20
_BYTES_PER_PRUNING: Final = 4 << 20
_SECONDS_BETWEEN_COMPLAINTS: Final = 60.0
_UNRECORDED: Final = (
    "results of activities cannot be recorded, so what is delivered again runs again, under the "
    "same key, and activities that may run only once wait"
)
_UNTIDY: Final = "the record of results cannot be tidied up, and grows"

_END: Final[list[_Operation]] = []

_logger = logging.getLogger(__name__)


class UnrecordedError(Exception):
    """Nothing was written. What to do about it has been logged."""


class _Operation:
    __slots__ = (
        "error",
        "future",
        "is_settled",
        "is_synced",
        "loop",
        "result",
        "run",
        "size_bytes",
    )

    def __init__(
        self, run: Callable[[sqlite3.Connection], Any], *, size_bytes: int, is_synced: bool
    ) -> None:
        self.run = run
        self.size_bytes = size_bytes
        self.is_synced = is_synced
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: UnrecordedError | None = None
        self.is_settled = False

    def settle(self) -> None:
        self.is_settled = True
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)

    async def wait(self) -> Any:
        try:
            return await self.future
        except asyncio.CancelledError:
            # What is in the queue is written all the same; until then it is not over.
            if not self.is_settled:
                self.future = self.loop.create_future()
                with contextlib.suppress(UnrecordedError):
                    await self.future
            raise


class ResultWriter:
    """Writes to one file, for one event loop.

    Attributes:
        commits: How many transactions there were that somebody waited for.
    """

    def __init__(
        self, file: ResultFile, *, claims: ResultClaims, limits: ResultLimits, clock: Clock
    ) -> None:
        self.commits = 0
        self._file = file
        self._claims = claims
        self._limits = limits
        self._clock = clock
        self._pending: list[_Operation] = []
        self._queue: queue.SimpleQueue[list[_Operation]] = queue.SimpleQueue()
        self._is_closed = False
        self._bytes_since_checkpoint = 0
        self._bytes_per_pruning = min(_BYTES_PER_PRUNING, limits.max_bytes // 20)
        self._bytes_since_pruning = self._bytes_per_pruning
        self._bytes_per_telling = min(_BYTES_PER_CHECKPOINT, self._bytes_per_pruning)
        self._told_bytes = self._bytes_per_telling
        self._handed = self._taken = self._done = 0  # how many times something was in the queue
        self._complained_at: float | None = None
        self._thread = threading.Thread(target=self._work, name="perdure-results", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is written any more."""
        return self._is_closed

    @property
    def is_free(self) -> bool:
        """Whether the loop may write by itself: the thread has nothing to write or to tidy up."""
        return not self._is_closed and self._handed == self._done

    def close(self) -> None:
        """Write what was handed in, and end. On the loop's thread; may be called twice."""
        if not self._is_closed:
            self._is_closed = True
            self._hand_over()
            self._queue.put(_END)
        self._thread.join()

    async def perform(
        self,
        run: Callable[[sqlite3.Connection], _T],
        *,
        size_bytes: int = 0,
        is_synced: bool = False,
    ) -> _T:
        """Run something in a transaction and return its value, once that is durable.

        It is carried out even if this is cancelled, which then takes until it is done.

        Args:
            run: May be called twice; the first time counts for nothing then.
            size_bytes: About how much it writes.
            is_synced: Whether it must survive a loss of power too.

        Raises:
            UnrecordedError: The file cannot be written, or this is closed.
        """
        if self._is_closed:
            raise UnrecordedError("it is closed")
        operation = _Operation(run, size_bytes=size_bytes, is_synced=is_synced)
        if not self._pending:
            operation.loop.call_soon(self._hand_over)
        self._pending.append(operation)
        result: _T = await operation.wait()
        return result

    def tell(self, *, size_bytes: int) -> None:
        """Hear of a transaction on the loop that wrote so much. On the loop's thread.

        Until :attr:`is_free` again, none may follow.
        """
        self._told_bytes += size_bytes + _COMMIT_BYTES
        if self._told_bytes >= self._bytes_per_telling and not self._is_closed:
            told, self._told_bytes = self._told_bytes, 0
            self._hand([_Operation(_do_nothing, size_bytes=told, is_synced=False)])

    def _hand_over(self) -> None:
        if self._pending:
            self._hand(self._pending)
            self._pending = []

    def _hand(self, batch: list[_Operation]) -> None:
        self._handed += 1
        self._queue.put(batch)

    def _work(self) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._take()
            if written := [operation for operation in batch if operation.run is not _do_nothing]:
                self._write(written)
                _settle(written)
            if batch:
                self._tidy(sum(operation.size_bytes for operation in batch))
                self._done = self._taken
        self._file.close()

    def _take(self) -> tuple[list[_Operation], bool]:
        """Wait for something to do; return all there is, and whether it was the last."""
        batch: list[_Operation] = []
        more = self._queue.get()
        with contextlib.suppress(queue.Empty):
            while more is not _END:
                batch += more
                self._taken += 1
                if len(batch) >= _MAX_SHARING:
                    return batch, False
                more = self._queue.get_nowait()
            return batch, True
        return batch, False

    def _write(self, batch: list[_Operation]) -> None:
        try:
            try:
                self._commit(batch)
            except sqlite3.Error as error:
                if not is_damage(error):
                    raise
                self._file.replace(error)
                self._commit(batch)
        except Exception as error:  # noqa: BLE001 - the thread must go on, and all must hear of it
            self._complain(_UNRECORDED, error)
            self._file.close()
            for operation in batch:
                operation.error = UnrecordedError(str(error))

    def _commit(self, batch: list[_Operation]) -> None:
        connection = self._file.connection()
        is_synced = any(operation.is_synced for operation in batch)
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_synced else 'NORMAL'}")
        with transaction(connection):
            for operation in batch:
                operation.result = operation.run(connection)
        self.commits += 1

    def _tidy(self, size_bytes: int) -> None:
        self._bytes_since_checkpoint += size_bytes + _COMMIT_BYTES
        self._bytes_since_pruning += size_bytes + _COMMIT_BYTES
        try:
            if self._bytes_since_pruning >= self._bytes_per_pruning:
                self._bytes_since_pruning = 0
                self._prune()
            if self._bytes_since_checkpoint >= _BYTES_PER_CHECKPOINT:
                self._bytes_since_checkpoint = 0
                self._file.checkpoint()
        except Exception as error:  # noqa: BLE001 - as above
            self._complain(_UNTIDY, error)

    def _prune(self) -> None:
        connection = self._file.connection()
        now_us = self._clock.now_us()
        with transaction(connection):
            prune(connection, self._limits, now_us=now_us, is_claimed=self._claims.is_claimed)

    def _complain(self, what: str, error: Exception) -> None:
        now = time.monotonic()
        if self._complained_at is None or now - self._complained_at >= _SECONDS_BETWEEN_COMPLAINTS:
            self._complained_at = now
            _logger.error("%s: %s: %s", what, self._file.path, problem_of(error))


def _do_nothing(connection: sqlite3.Connection) -> None:
    """Write nothing: what there is to tidy up was written by somebody else."""


def _settle(batch: list[_Operation]) -> None:
    def settle() -> None:
        for operation in batch:
            operation.settle()

    # Where the loop is closed nobody waits any more.
    with contextlib.suppress(RuntimeError):
        batch[0].loop.call_soon_threadsafe(settle)
