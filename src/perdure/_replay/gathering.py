"""``gather`` and ``as_completed`` as workflows have them, the same on every Python.

asyncio's ``as_completed`` starts coroutines in the order of a set of addresses. What its ``gather``
returns hashes by address, and resumes the waiting task a round later before Python 3.12 than since,
when what it gathers is done already. When ``as_completed`` starts its timer depends on the version
too. Each of these would let a replay issue other commands than its history holds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from perdure._replay.futures import WorkflowFuture

if TYPE_CHECKING:
    from collections.abc import Awaitable, Coroutine, Iterable

    from perdure._replay.loop import WorkflowLoop


class Gathering(WorkflowFuture):
    """The future of several others. Cancelling it cancels them."""

    _is_cancel_requested = False

    def __init__(
        self, awaitables: Iterable[Awaitable[Any]], *, loop: WorkflowLoop, keeps_errors: bool
    ) -> None:
        awaitables = tuple(awaitables)
        # What is given twice runs once, as in asyncio.
        started = {a: asyncio.ensure_future(a, loop=loop) for a in dict.fromkeys(awaitables)}
        super().__init__(loop=loop, number=loop.next_number())
        self._children = [started[awaitable] for awaitable in awaitables]
        self._keeps_errors = keeps_errors
        self._left = len(started)
        ended = [child for child in started.values() if child.done()]
        for child in started.values():
            if not child.done():
                child.add_done_callback(self._on_done)
        for child in ended:
            self._on_done(child)
        if not started:
            self.set_result([])

    def cancel(self, msg: Any = None) -> bool:
        """Cancel what is gathered; this future ends when that has ended."""
        if self.done():
            return False
        # A list: all of them are to be cancelled, not the first that can be.
        self._is_cancel_requested |= any([child.cancel(msg=msg) for child in self._children])  # noqa: C419
        return self._is_cancel_requested

    def _on_done(self, child: asyncio.Future[Any]) -> None:
        self._left -= 1
        error = _cancellation(child) if child.cancelled() else child.exception()
        if self.done():
            return
        if error is not None and not self._keeps_errors:
            self.set_exception(error)
        elif not self._left:
            if self._is_cancel_requested:
                self.set_exception(asyncio.CancelledError())
            else:
                self.set_result([_ending(each) for each in self._children])


def _cancellation(future: Any) -> asyncio.CancelledError:
    error: asyncio.CancelledError = future._make_cancelled_error()  # with the message it was given
    return error


def _ending(future: asyncio.Future[Any]) -> Any:
    if future.cancelled():
        return _cancellation(future)
    return future.exception() or future.result()


class Completions:
    """Gives futures as they end: coroutines in a ``for``, the futures in an ``async for``."""

    def __init__(
        self, awaitables: Iterable[Awaitable[Any]], *, loop: WorkflowLoop, timeout: float | None
    ) -> None:
        self._ended: asyncio.Queue[asyncio.Future[Any] | None] = asyncio.Queue()
        self._open: dict[asyncio.Future[Any], None] = dict.fromkeys(
            asyncio.ensure_future(awaitable, loop=loop) for awaitable in dict.fromkeys(awaitables)
        )
        self._left = len(self._open)
        self._timer: asyncio.TimerHandle | None = None
        for future in self._open:
            future.add_done_callback(self._on_done)
        if self._open and timeout is not None:
            self._timer = loop.call_later(timeout, self._on_timeout)

    def __iter__(self) -> Completions:
        return self

    def __aiter__(self) -> Completions:
        return self

    def __next__(self) -> Coroutine[Any, Any, Any]:
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._next_result()

    async def __anext__(self) -> asyncio.Future[Any]:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._next()

    async def _next_result(self) -> Any:
        return (await self._next()).result()

    async def _next(self) -> asyncio.Future[Any]:
        future = await self._ended.get()
        if future is None:
            raise TimeoutError
        return future

    def _on_done(self, future: asyncio.Future[Any]) -> None:
        if future not in self._open:
            return  # the time was over in the same instant
        del self._open[future]
        self._ended.put_nowait(future)
        if not self._open and self._timer is not None:
            self._timer.cancel()

    def _on_timeout(self) -> None:
        for future in self._open:
            future.remove_done_callback(self._on_done)
            self._ended.put_nowait(None)
        self._open.clear()
