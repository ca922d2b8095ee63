"""Parked instances: no worker went on with them, so they are woken until one does.

So are those that have not begun though a worker is there: a server may lose what was to begin
them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from perdure.spi.program import Program
    from perdure.spi.remote.server import RemoteServer

_logger = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.25
_SWEEP_SECONDS: Final = 300.0
_BLANK_SECONDS: Final = 10.0
_AT_ONCE: Final = 8


@dataclass(slots=True, kw_only=True)
class _Wait:
    """When an instance is woken next. Changes with each try."""

    next_at: float
    seconds: float


class ParkedInstances:
    """Wakes the instances that this worker has parked, and others that wait for one."""

    def __init__(
        self,
        server: RemoteServer,
        program: Program,
        *,
        longest_wait_seconds: float = _LONGEST_WAIT_SECONDS,
    ) -> None:
        """Wake by ``server`` what ``program`` may go on with.

        Args:
            server: The vendor's.
            program: What this worker runs.
            longest_wait_seconds: How long an instance is left alone that is parked again and again.
        """
        self._longest_wait_seconds = longest_wait_seconds
        self._server = server
        self._program = program
        self._waits: dict[str, _Wait] = {}
        self._blank: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._wake_own()), asyncio.create_task(self._sweep())]

    async def stop(self) -> None:
        """End. May be called twice, and before :meth:`start`."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def add(self, instance_id: str) -> None:
        """Note that this worker could not go on with an instance."""
        wait = self._waits.get(instance_id)
        if wait is None:
            wait = self._waits[instance_id] = _Wait(next_at=0, seconds=_FIRST_WAIT_SECONDS / 2)
        wait.seconds = min(wait.seconds * 2, self._longest_wait_seconds)
        wait.next_at = time.monotonic() + wait.seconds

    async def _wake_own(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.monotonic()
            for instance_id, wait in list(self._waits.items()):
                if wait.next_at > now:
                    continue
                # Unless it fails: should nobody park it again, it goes on, and is forgotten then.
                planned = wait.next_at = now + wait.seconds
                with _logging(instance_id):
                    is_parked = await self._wake(instance_id)
                    if wait.next_at != planned:
                        continue  # parked anew meanwhile
                    if is_parked:
                        wait.next_at = now + self._longest_wait_seconds
                    else:
                        del self._waits[instance_id]

    async def _sweep(self) -> None:
        while True:
            with _logging():
                self._blank.clear()
                await self._visit_all(await _all(self._server.unfinished()), self._visit)
            await asyncio.sleep(_BLANK_SECONDS)
            await self._visit_all(self._blank, self._revisit)
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _visit_all(
        self, ids: Iterable[str], visit: Callable[[str], Awaitable[object]]
    ) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def take_turns(instance_id: str) -> None:
            async with places:
                with _logging(instance_id):
                    await visit(instance_id)

        await asyncio.gather(*map(take_turns, ids))

    async def _visit(self, instance_id: str) -> None:
        await self._wake(instance_id, only=self._program.workflows)

    async def _revisit(self, instance_id: str) -> None:
        """Wake an instance that shows nothing still: a worker is there, so it should have begun."""
        state = await self._server.state(instance_id)
        if state is not None and not state.name:
            await self._server.wake(instance_id)

    async def _wake(self, instance_id: str, *, only: frozenset[str] | None = None) -> bool:
        """Wake an instance if it is parked; return whether it is."""
        state = await self._server.state(instance_id)
        if state is None or state.status.is_terminal:
            return False
        if not state.name:
            self._blank.append(instance_id)
            return False
        if only is not None and state.name not in only:
            return False
        if state.shown.held is None:
            return False
        return await self._server.wake(instance_id)


async def _all(ids: AsyncIterator[str]) -> list[str]:
    return [instance_id async for instance_id in ids]


@contextlib.contextmanager
def _logging(instance_id: str = "") -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - one fault must not end the round for all
        _logger.warning("not woken: %s", error, extra={"instance_id": instance_id})
