"""Two functions of asyncio that cannot be used in a workflow as they are, made so that they can.

* ``as_completed`` starts coroutines in the order of a set of addresses.
* ``wait_for`` creates its task and its timer in another order since Python 3.12, so that an
  instance begun under 3.11 could not be replayed under 3.12.

Outside workflows both stay what they were.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

_original_as_completed: Any = asyncio.as_completed
_original_wait_for: Any = asyncio.wait_for
_UNORDERED_CODE = frozenset(
    code
    for code in (
        getattr(_original_as_completed, "__code__", None),
        # From 3.13 on the tasks are made by the iterator that the function returns.
        getattr(
            getattr(getattr(asyncio.tasks, "_AsCompletedIterator", None), "__init__", None),
            "__code__",
            None,
        ),
    )
    if code is not None
)
_FRAMES_TO_LOOK_UP = 5


def install() -> None:
    """Put the two in their places in asyncio. May be called twice."""
    for module in (asyncio, asyncio.tasks):
        setattr(module, "as_completed", _as_completed)  # noqa: B010 - else mypy objects
        setattr(module, "wait_for", _wait_for)  # noqa: B010


def is_called_by_unordered_as_completed() -> bool:
    """Return whether asyncio's own ``as_completed`` is making a task.

    Somebody imported it before perdure.
    """
    frame = sys._getframe(2)
    for _ in range(_FRAMES_TO_LOOK_UP):
        if frame.f_code in _UNORDERED_CODE:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def _is_in_workflow() -> bool:
    return getattr(_get_running_loop(), "executor", None) is not None


@functools.wraps(_original_as_completed)
def _as_completed(fs: Iterable[Awaitable[Any]], *, timeout: float | None = None) -> Any:
    if _is_in_workflow() and not asyncio.isfuture(fs) and not asyncio.iscoroutine(fs):
        # Tasks made here, in the order given; what asyncio then does with a set of them is ordered
        # by their hash.
        fs = [asyncio.ensure_future(awaitable) for awaitable in dict.fromkeys(fs)]
    return _original_as_completed(fs, timeout=timeout)


@functools.wraps(_original_wait_for)
async def _wait_for(fut: Awaitable[Any], timeout: float | None) -> Any:  # noqa: ASYNC109
    if not _is_in_workflow():
        return await _original_wait_for(fut, timeout)
    if timeout is not None and timeout <= 0:
        return await _poll(asyncio.ensure_future(fut))
    async with asyncio.timeout(timeout):
        return await fut


async def _poll(future: asyncio.Future[Any]) -> Any:
    """Return the result if it is there already.

    Else cancel, wait for the end of that, and time out.
    """
    if not future.done():
        future.cancel()
        await asyncio.wait([future])
    try:
        return future.result()
    except asyncio.CancelledError as err:
        raise TimeoutError from err
