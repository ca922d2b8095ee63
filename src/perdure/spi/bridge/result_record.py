"""The record of results of one host: a redelivered attempt is answered, and does not run again.

Servers deliver an attempt of an activity again when they have not heard how it ended: they died, or
the worker did, in that moment. So a worker writes down what came of an attempt before it delivers
it. One file for each hub is shared by all workers of a user on a host. On another host an attempt
may run again, under the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import re
import sqlite3
from typing import TYPE_CHECKING, Final

from perdure._filesystem import network_filesystem
from perdure.clock import SystemClock
from perdure.errors import ActivityNotRegisteredError, ConfigurationError, PayloadError
from perdure.spi.bridge import result_rows as rows
from perdure.spi.bridge.result_claims import ResultClaims
from perdure.spi.bridge.result_file import FILE_NAME, ResultFile, problem_of, transaction
from perdure.spi.bridge.result_rows import ResultLimits
from perdure.spi.bridge.result_writer import ResultWriter, UnrecordedError
from perdure.spi.program import ActivityOutcome
from perdure.spi.replies import outcomes_unknown
from perdure.state_folder import VARIABLE, make_private_folder, state_folder

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from perdure.clock import Clock
    from perdure.spi.program import ActivityTask

    Execute = Callable[[ActivityTask], Awaitable[ActivityOutcome]]

_FIRST_LOOK_SECONDS: Final = 0.01
_LONGEST_LOOK_SECONDS: Final = 0.5
_RETRY_SECONDS: Final = 1.0
_MOST_BYTES_HERE: Final = 64 << 10
_PLAIN: Final = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_NAME: Final = 60

_logger = logging.getLogger(__name__)


class _Execution:
    """One attempt that runs here, and how many deliveries of it wait for its outcome."""

    __slots__ = ("task", "waiting")

    def __init__(self, task: asyncio.Task[ActivityOutcome]) -> None:
        self.task = task
        self.waiting = 0


class ResultRecord:
    """Runs attempts of activities, each to one outcome however often it is delivered.

    Belongs to one event loop. Processes, and other records of the same hub, heed each other.

    Attributes:
        path: The file.
    """

    def __init__(
        self,
        path: Path,
        *,
        limits: ResultLimits | None = None,
        clock: Clock | None = None,
        is_for_all: bool = True,
    ) -> None:
        """Open the file ``path``; see :meth:`open`. May block for 10 s.

        Raises:
            sqlite3.Error: The file cannot be used.
            OSError: As above.
        """
        self.path = path
        self._is_for_all = is_for_all
        self._clock = clock or SystemClock()
        self._running: dict[bytes, _Execution] = {}
        self._has_written = False
        self._claims = ResultClaims(path.with_name(f"{path.name}.claims"))
        self._here = ResultFile(path, self._claims, is_patient=False)
        file = ResultFile(path, self._claims)
        try:
            with transaction(file.connection()):
                pass  # whether it can be written
        except BaseException:
            file.close()
            self._claims.close()
            raise
        self._writer = ResultWriter(
            file,
            claims=self._claims,
            limits=limits or ResultLimits(),
            clock=self._clock,
        )

    @classmethod
    def open(
        cls,
        backend: str,
        hub: str,
        *,
        folder: Path | None = None,
        limits: ResultLimits | None = None,
        clock: Clock | None = None,
        is_for_all: bool = True,
    ) -> ResultRecord:
        """Open the record of a hub, and make it if it is not there. May block for 10 s.

        Args:
            backend: The name of the backend.
            hub: What tells its hubs apart.
            folder: Where records are kept; in this user's state folder by default.
            limits: How long results are kept.
            clock: What tells their age.
            is_for_all: Whether attempts are recorded that may run again, too, and not only those
                that may run at most once.

        Raises:
            ConfigurationError: It cannot be used; the message says why, and what to do.
        """
        root = folder or state_folder() / "results"
        path = root / _file_name(backend) / _file_name(hub) / FILE_NAME
        try:
            make_private_folder(path.parent)
            if kind := network_filesystem(path.parent):
                problem = (
                    f"it lies on a network file system ({kind}), where SQLite's locks do not "
                    "protect it; choose a folder on a local disk"
                )
                raise _unusable(path, problem, folder)
            return cls(path, limits=limits, clock=clock, is_for_all=is_for_all)
        except (sqlite3.Error, OSError) as error:
            raise _unusable(path, problem_of(error), folder) from error

    @property
    def commits(self) -> int:
        """How many transactions there were that several results could share."""
        return self._writer.commits

    def close(self) -> None:
        """Let what is being written become durable, and end. May be called twice.

        On the loop's thread, which it blocks for a commit. What still runs is delivered without
        being recorded.
        """
        self._writer.close()
        self._here.close()
        self._claims.close()

    async def run(self, task: ActivityTask, execute: Execute) -> ActivityOutcome:
        """Return the outcome of an attempt: by ``execute``, unless it is recorded or runs already.

        Another delivery that runs on this host is followed until it has ended, or its process has.
        An attempt that may run at most once, was started and left no outcome is not run again: its
        outcome is the failure of an ``ActivityOutcomeUnknownError``. Where results cannot be
        recorded, outcomes are returned all the same, but what may run at most once waits.

        One that is not to be recorded runs at each delivery.

        Cancelling gives the attempt up, if no other delivery waits for it, and records nothing.
        Whatever ``execute`` raises comes through, and nothing is recorded.

        Raises:
            RuntimeError: The record is closed.
        """
        self._check_open()
        if not self._is_for_all and task.scheduled.delivery != "at_most_once":
            return await execute(task)
        key = rows.attempt_key(task)
        execution = self._running.get(key)
        if execution is None:
            work = asyncio.get_running_loop().create_task(self._answer(key, task, execute))
            execution = self._running[key] = _Execution(work)
            work.add_done_callback(functools.partial(self._ended, key, execution))
        execution.waiting += 1
        try:
            return await asyncio.shield(execution.task)
        except asyncio.CancelledError:
            if execution.waiting == 1 and not execution.task.done():
                # Whoever delivers it from now on begins anew, after this has ended.
                self._forget_execution(key, execution)
                execution.task.cancel()
                await asyncio.wait((execution.task,))
            raise
        finally:
            execution.waiting -= 1

    async def _answer(self, key: bytes, task: ActivityTask, execute: Execute) -> ActivityOutcome:
        await self._claim(key)
        try:
            stored = await self._find(key)
            if stored is not None:
                _note(task, "answered from the record of results")
                return rows.decode(stored)
            if task.scheduled.delivery == "at_most_once" and not await self._start(key):
                _note(task, "not run again: it was started, and its outcome is unknown")
                (failed,) = outcomes_unknown([task.scheduled], at_us=0)
                return ActivityOutcome(failure=failed.failure)
            return await self._execute(key, task, execute)
        finally:
            self._claims.release(key)

    async def _claim(self, key: bytes) -> None:
        seconds = _FIRST_LOOK_SECONDS
        while not self._claims.try_claim(key):
            await asyncio.sleep(seconds)
            seconds = min(seconds * 2, _LONGEST_LOOK_SECONDS)

    async def _find(self, key: bytes) -> rows.Stored | None:
        # Here and not in the writer's thread, since it takes microseconds and the hop a hundred.
        try:
            return rows.find(self._here.connection(), key)
        except (sqlite3.Error, OSError):
            self._here.close()
        try:
            return await self._writer.perform(functools.partial(rows.find, key=key))
        except UnrecordedError:
            return None

    async def _start(self, key: bytes) -> bool:
        """Mark an attempt as started, however long that takes; return whether it was not before."""
        mark = functools.partial(rows.start, key=key, at_us=self._clock.now_us())
        while True:
            try:
                return await self._writer.perform(mark, is_synced=True)
            except UnrecordedError:
                self._check_open()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _execute(self, key: bytes, task: ActivityTask, execute: Execute) -> ActivityOutcome:
        try:
            outcome = await execute(task)
        except (ActivityNotRegisteredError, PayloadError):
            # Nothing of it has run, so it may be started by another worker.
            if task.scheduled.delivery == "at_most_once":
                with contextlib.suppress(UnrecordedError):
                    await self._writer.perform(functools.partial(rows.forget, key=key))
            raise
        stored = rows.encode(outcome)
        finish = functools.partial(rows.finish, key=key, stored=stored, at_us=self._clock.now_us())
        size_bytes = len(stored[0] or stored[1] or b"")
        if not self._write_here(finish, size_bytes):
            # What cannot be recorded is delivered all the same.
            with contextlib.suppress(UnrecordedError):
                await self._writer.perform(finish, size_bytes=size_bytes)
        return outcome

    def _write_here(self, finish: Callable[[sqlite3.Connection], None], size_bytes: int) -> bool:
        """Write on the loop, if this is the first to come in this round of it.

        Returns whether that was done. Others that come in the same round share a transaction of the
        writer's. One alone takes half as long here as on the way to the writer and back, and waits
        for nobody: not for the disk, as it syncs nothing, and not for another writer.
        """
        is_first = not self._has_written
        if not is_first or size_bytes > _MOST_BYTES_HERE or not self._writer.is_free:
            return False
        self._has_written = True
        asyncio.get_running_loop().call_soon(self._begin_round)
        try:
            connection = self._here.connection()
            with transaction(connection, is_patient=False):
                finish(connection)
        except (sqlite3.Error, OSError):
            return False
        self._writer.tell(size_bytes=size_bytes)
        return True

    def _begin_round(self) -> None:
        self._has_written = False

    def _check_open(self) -> None:
        if self._writer.is_closed:
            raise RuntimeError(f"the record of results {self.path} is closed")

    def _ended(
        self, key: bytes, execution: _Execution, task: asyncio.Task[ActivityOutcome]
    ) -> None:
        self._forget_execution(key, execution)
        if not task.cancelled():
            task.exception()  # who waited has heard of it, or has gone

    def _forget_execution(self, key: bytes, execution: _Execution) -> None:
        if self._running.get(key) is execution:
            del self._running[key]


def _note(task: ActivityTask, what: str) -> None:
    _logger.info(
        "activity %r, attempt %d, was delivered again and is %s",
        task.scheduled.name,
        task.scheduled.attempt,
        what,
        extra={"instance_id": task.instance_id},
    )


def _file_name(name: str) -> str:
    """Return a name that can be one of a folder, and is another one for every other name."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{_PLAIN.sub('-', name)[:_MAX_NAME].strip('.-')}-{digest}"


def _unusable(path: Path, problem: str, folder: Path | None) -> ConfigurationError:
    text = f"the record of results {path} cannot be used: {problem}; or choose another folder"
    return ConfigurationError(setting=VARIABLE if folder is None else "folder", problem=text)
