"""Puts the workflow's versions of parts of asyncio in their places, once in a process.

Outside workflows all of them stay what they were. Functions are replaced in their modules: who
imported one before perdure has asyncio's own. For ``as_completed`` that is found out and refused.
Methods are replaced in their classes.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from asyncio import _get_running_loop
from typing import TYPE_CHECKING, Any

from perdure._replay import primitives
from perdure._replay.gathering import Completions, Gathering

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import CodeType

    from perdure._replay.loop import WorkflowLoop

_FRAMES_TO_LOOK_UP = 5


def install() -> None:
    """Put everything in its place. May be called twice."""
    for module in (asyncio, asyncio.tasks):
        for name, function in _FUNCTIONS.items():
            setattr(module, name, function)
    for module in (asyncio, asyncio.events):
        for name, function in _LOOP_FUNCTIONS.items():
            setattr(module, name, function)
    for kind, name, method in _METHODS:
        setattr(kind, name, method)


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


def _workflow_loop() -> WorkflowLoop | None:
    loop: Any = _get_running_loop()
    return loop if getattr(loop, "is_of_a_workflow", False) else None


_original_gather: Any = asyncio.gather
_original_as_completed: Any = asyncio.as_completed
_original_wait_for: Any = asyncio.wait_for


@functools.wraps(_original_gather)
def _gather(*coros_or_futures: Awaitable[Any], return_exceptions: bool = False) -> Any:
    loop = _workflow_loop()
    if loop is None:
        return _original_gather(*coros_or_futures, return_exceptions=return_exceptions)
    return Gathering(coros_or_futures, loop=loop, keeps_errors=return_exceptions)


@functools.wraps(_original_as_completed)
def _as_completed(fs: Iterable[Awaitable[Any]], *, timeout: float | None = None) -> Any:
    loop = _workflow_loop()
    if loop is None or asyncio.isfuture(fs) or asyncio.iscoroutine(fs):
        return _original_as_completed(fs, timeout=timeout)
    return Completions(fs, loop=loop, timeout=timeout)


@functools.wraps(_original_wait_for)
async def _wait_for(fut: Awaitable[Any], timeout: float | None) -> Any:
    if _workflow_loop() is None:
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


@functools.wraps(asyncio.set_event_loop)
def _set_event_loop(
    loop: asyncio.AbstractEventLoop | None,
    original: Callable[[asyncio.AbstractEventLoop | None], None] = asyncio.set_event_loop,
) -> None:
    # LangGraph sets the loop that runs; a workflow's must not stay behind in a worker's thread.
    if _workflow_loop() is None:
        original(loop)


_FUNCTIONS = {"gather": _gather, "as_completed": _as_completed, "wait_for": _wait_for}
_LOOP_FUNCTIONS = {"set_event_loop": _set_event_loop}


def _in_workflows(original: Any, workflows_own: Callable[..., Any]) -> Any:
    """Return a method that is ``workflows_own`` in workflows and ``original`` elsewhere."""

    @functools.wraps(original)
    def method(self: Any, *args: Any) -> Any:
        chosen = original if _workflow_loop() is None else workflows_own
        return chosen(self, *args)

    return method


async def _leave_task_group(self: Any, kind: Any, error: Any, _traceback: object) -> None:
    await primitives.leave_task_group(self, kind, error)


_METHODS = [
    (kind, name, _in_workflows(getattr(kind, name), workflows_own))
    for kind, name, workflows_own in (
        (asyncio.TaskGroup, "__aexit__", _leave_task_group),
        (asyncio.Semaphore, "acquire", primitives.acquire_semaphore),
        (asyncio.Semaphore, "release", primitives.release_semaphore),
        (asyncio.Condition, "wait", primitives.wait_for_condition),
    )
]


def _code(function: Any) -> CodeType | None:
    return getattr(function, "__code__", None)


_UNORDERED_CODE = {
    _code(_original_as_completed),
    # From 3.13 on the tasks are made by the iterator that the function returns.
    _code(getattr(getattr(asyncio.tasks, "_AsCompletedIterator", None), "__init__", None)),
} - {None}
