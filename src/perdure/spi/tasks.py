"""The tasks of a worker: its loop, and the activities that it lets end in a drain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import timedelta


class WorkerTasks:
    """What runs for one worker."""

    def __init__(self) -> None:
        self._loops: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def start_loop(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what a drain ends at once."""
        self._loops.append(self._start(work))

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run what a drain lets end."""
        self._start(work)

    async def drain(self, timeout: timedelta) -> None:
        """End the loops, and let the rest end; what has not after ``timeout`` is cancelled.

        May be called twice.
        """
        for loop in self._loops:
            loop.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout.total_seconds())
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
