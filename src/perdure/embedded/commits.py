"""Group commit: everything that became ready in one round of the event loop shares one transaction.

Commits run on the loop itself: handing them to a thread costs more than the sync of the disk. What
cannot be written yet is kept and tried again; nothing is acted on before it is committed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sqlite3
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from perdure.embedded.store import FAULTS_OF_A_ROW, BusyError, FencedError
from perdure.errors import BackendUnavailableError, StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from perdure.embedded.transaction import Effects, Transaction

_logger = logging.getLogger(__name__)
_T = TypeVar("_T")

_FIRST_BACK_OFF_SECONDS = 0.0005
_LONGEST_BACK_OFF_SECONDS = 0.005
_STORAGE_RETRY_SECONDS = 1.0
_PATIENCE_SECONDS = 5.0


class Work(Protocol):
    """The engine, as the group commit sees it."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Return a transaction of this process."""

    def prepare(self) -> bool:
        """Take the steps that are due; return whether there is anything of its own to write."""

    def write(self, tx: Transaction) -> None:
        """Write its steps. Called again if the transaction fails."""

    def committed(self, effects: Effects) -> None:
        """Act on what is durable now."""

    def fenced(self) -> None:
        """Forget what it owned, and register anew."""

    def set_apart(self, error: Exception) -> bool:
        """Go on without the steps that can never be written; return whether there were any."""


class Operation:
    """Something to be written that is not a step.

    Attributes:
        run: Writes it, and returns what the caller gets.
        then: Called right after the commit, before anything else happens.
        future: The caller's; ``None`` for one of the engine's own, tried until it succeeds.
    """

    __slots__ = ("future", "result", "run", "then")

    def __init__(
        self,
        run: Callable[[Transaction], Any],
        *,
        then: Callable[[Any], None] | None,
        future: asyncio.Future[Any] | None,
    ) -> None:
        self.run = run
        self.then = then
        self.future = future
        self.result: Any = None

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return self.future is None or not self.future.done()

    def succeed(self) -> None:
        """Tell the caller, once it is durable."""
        if self.then is not None:
            self.then(self.result)
        if self.future is not None and not self.future.done():
            self.future.set_result(self.result)

    def fail(self, error: Exception) -> None:
        """Tell the caller that nothing was written."""
        if self.future is None:
            _logger.error("an operation of the engine failed", exc_info=error)
        elif not self.future.done():
            self.future.set_exception(error)


class _SpoiltError(Exception):
    """An operation failed half-way: the transaction has to begin anew without it."""

    def __init__(self, operation: Operation) -> None:
        super().__init__()
        self.operation = operation


class Commits:
    """Collects steps and operations, and commits them together."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._operations: list[Operation] = []
        self._is_requested = False
        self._retry: asyncio.TimerHandle | None = None
        self._busy_since: float | None = None
        self._back_off_seconds = _FIRST_BACK_OFF_SECONDS
        self._is_failing = False
        self._is_closed = False

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be written."""
        return not (self._operations or self._is_requested or self._retry is not None)

    def close(self) -> None:
        """Commit nothing any more."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        for operation in self._operations:
            if operation.future is not None:
                operation.fail(BackendUnavailableError(backend="sqlite", problem="it is closed"))
        self._operations.clear()

    def request(self) -> None:
        """Let there be a commit in the next round of the loop."""
        if not self._is_requested:
            self._is_requested = True
            self._loop.call_soon(self._flush)

    def add(
        self, run: Callable[[Transaction], _T], *, then: Callable[[_T], None] | None = None
    ) -> None:
        """Write something of the engine's own with the next commit."""
        self._operations.append(Operation(run, then=then, future=None))
        self.request()

    async def perform(
        self, run: Callable[[Transaction], _T], *, then: Callable[[_T], None] | None = None
    ) -> _T:
        """Write something for a client; return once it is durable.

        Args:
            run: Writes it, and returns what this does.
            then: Called with that right after the commit, before anything else happens.

        Raises:
            StorageError: The file cannot take it; nothing was written.
        """
        future: asyncio.Future[_T] = self._loop.create_future()
        self._operations.append(Operation(run, then=then, future=future))
        if self._is_failing and self._retry is not None:
            # The caller must hear at once that the disk is still full, or find that it is not.
            self._retry.cancel()
            self._retry = None
        self.request()
        return await future

    def _flush(self) -> None:
        self._is_requested = False
        if self._retry is None and not self._is_closed:
            self._commit()

    def _commit(self) -> None:
        has_steps = self._work.prepare()
        operations = [operation for operation in self._operations if operation.is_wanted]
        self._operations = operations
        if not (has_steps or operations):
            return
        try:
            with self._work.transaction() as tx:
                self._work.write(tx)
                failures = [_perform(operation, tx) for operation in operations]
        except BusyError:
            self._wait_for_turn()
        except FencedError:
            self._work.fenced()
            self.request()
        except _SpoiltError as spoilt:
            self._operations.remove(spoilt.operation)
            self.request()
        except StorageError as error:
            self._wait_for_storage(error, has_steps=has_steps)
        except Exception as error:  # noqa: BLE001 - whatever it is, others' steps must go on
            if self._work.set_apart(error):
                self.request()
            else:
                self._retry = self._loop.call_later(_STORAGE_RETRY_SECONDS, self._try_again)
        else:
            self._settle(operations, failures, tx.effects)

    def _settle(
        self, operations: list[Operation], failures: list[Exception | None], effects: Effects
    ) -> None:
        self._operations = []
        if self._is_failing:
            self._is_failing = False
            _logger.warning("writing succeeds again; work goes on")
        self._busy_since = None
        self._back_off_seconds = _FIRST_BACK_OFF_SECONDS
        try:
            self._work.committed(effects)
        except Exception:
            # The steps are committed, and who waits for an operation must hear of it all the same.
            _logger.exception("acting on a commit failed")
        for operation, failure in zip(operations, failures, strict=True):
            if failure is None:
                operation.succeed()
            else:
                operation.fail(failure)

    def _wait_for_turn(self) -> None:
        now = self._loop.time()
        if self._busy_since is None:
            self._busy_since = now
        elif now - self._busy_since > _PATIENCE_SECONDS:
            _logger.warning(
                "another process has kept the database locked for %d s", _PATIENCE_SECONDS
            )
            self._busy_since = now
        delay = self._back_off_seconds * random.uniform(0.5, 1.5)
        self._back_off_seconds = min(self._back_off_seconds * 2, _LONGEST_BACK_OFF_SECONDS)
        self._retry = self._loop.call_later(delay, self._try_again)

    def _wait_for_storage(self, error: StorageError, *, has_steps: bool) -> None:
        if not self._is_failing:
            self._is_failing = True
            _logger.error("cannot write, and try again each second; nothing is lost: %s", error)
        waiting = []
        for operation in self._operations:
            if operation.future is None:
                waiting.append(operation)
            else:
                operation.fail(error)
        self._operations = waiting
        if has_steps or waiting:
            self._retry = self._loop.call_later(_STORAGE_RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self.request()


def _perform(operation: Operation, tx: Transaction) -> Exception | None:
    changes = tx.changes
    try:
        operation.result = operation.run(tx)
    except Exception as error:
        if isinstance(error, sqlite3.Error) and not isinstance(error, FAULTS_OF_A_ROW):
            raise
        if tx.changes == changes:
            return error
        operation.fail(error)
        raise _SpoiltError(operation) from error
    return None
