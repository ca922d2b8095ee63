"""Dispatch: from the stream of work items straight to where each runs.

The SDK takes an item through a queue, a thread, its event loop, another queue and a task before it
runs; on this way every hop wakes a thread. Here the thread that reads the stream hands a turn to
the pool, and an activity to perdure's loop, where it would end up anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Executor

    Submit = Callable[..., None]


class Dispatcher:
    """Runs what a worker is handed. Any thread may submit.

    Args:
        turns: Runs turns of workflows, which block.
        loop: Runs activities.
    """

    def __init__(self, *, turns: Executor, loop: asyncio.AbstractEventLoop) -> None:
        self._turns = turns
        self._loop = loop
        self._activities: set[asyncio.Task[None]] = set()

    def submit_turn(self, run: Callable[..., object], *args: Any) -> None:
        """Run a turn. One that comes when the pool has been shut down is dropped."""
        # The server hands it out again once the stream has closed.
        with contextlib.suppress(RuntimeError):
            self._turns.submit(run, *args)

    def submit_activity(self, run: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        """Run an activity. One that comes when the loop has been closed is dropped."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._begin, run, args)

    def cancel_activities(self, *, seconds: float) -> None:
        """Cancel the activities that run, and wait until they have ended, at most for so long.

        Not on the loop.
        """
        if not self._loop.is_closed():
            cancelling = asyncio.run_coroutine_threadsafe(self._cancel(), self._loop)
            with contextlib.suppress(TimeoutError):
                cancelling.result(seconds)

    async def _cancel(self) -> None:
        running = tuple(self._activities)
        for activity in running:
            activity.cancel()
        if running:
            await asyncio.wait(running)

    def _begin(self, run: Callable[..., Coroutine[Any, Any, None]], args: tuple[Any, ...]) -> None:
        activity = self._loop.create_task(run(*args))
        self._activities.add(activity)
        activity.add_done_callback(self._ended)

    def _ended(self, activity: asyncio.Task[None]) -> None:
        self._activities.discard(activity)
        if not activity.cancelled() and (error := activity.exception()) is not None:
            self._loop.call_exception_handler(
                {"message": "an activity was not answered", "exception": error, "task": activity}
            )


class DispatchedStub:
    """A stub whose stream of work items keeps back what it has dispatched.

    Args:
        stub: The stub.
        dispatch: Takes an item and the stream that it came on; returns whether it was dispatched.
    """

    def __init__(self, stub: Any, dispatch: Callable[[Any, Any], bool]) -> None:
        self._stub = stub
        self._dispatch = dispatch

    def GetWorkItems(self, *args: Any, **options: Any) -> DispatchedStream:
        """Open the stream."""
        return DispatchedStream(self._stub.GetWorkItems(*args, **options), self._dispatch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stub, name)


class DispatchedStream:
    """A stream of work items, of which its reader sees only what nobody has taken."""

    def __init__(self, stream: Any, dispatch: Callable[[Any, Any], bool]) -> None:
        self._stream = stream
        self._dispatch = dispatch

    def __iter__(self) -> DispatchedStream:
        return self

    def __next__(self) -> Any:
        while True:
            item = next(self._stream)
            if not self._dispatch(item, self):
                return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
