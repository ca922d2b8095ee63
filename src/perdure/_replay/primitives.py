"""What differs from Python to Python in asyncio's own objects, made one behaviour: that of 3.13.

These stand in for methods of asyncio's classes while a workflow runs. An instance begun under one
version of Python can so go on under another: a cancellation that meets an error in a task group, a
wait for a condition that is given up in the instant in which it would have ended, a semaphore with
several units free at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from perdure._replay.futures import WorkflowTask


async def leave_task_group(group: Any, kind: type[BaseException] | None, error: Any) -> None:
    """Wait for the tasks of ``group``, then raise what they and its body raised."""
    group._exiting = True
    if kind is not None and group._is_base_error(error) and group._base_error is None:
        group._base_error = error
    cancelled = error if kind is not None and issubclass(kind, asyncio.CancelledError) else None
    if kind is not None and not group._aborting:
        group._abort()
    while group._tasks:
        if group._on_completed_fut is None:
            group._on_completed_fut = group._loop.create_future()
        try:
            await group._on_completed_fut
        except asyncio.CancelledError as caught:
            if not group._aborting:
                cancelled = caught
                group._abort()
        group._on_completed_fut = None
    _raise_what_is_left(group, error, cancelled)


def _raise_what_is_left(group: Any, error: Any, cancelled: BaseException | None) -> None:
    if group._base_error is not None:
        raise group._base_error
    parent = group._parent_task
    if group._parent_cancel_requested and parent.uncancel() == 0:
        cancelled = None
    if cancelled is not None and not group._errors:
        raise cancelled
    if error is not None and not isinstance(error, asyncio.CancelledError):
        group._errors.append(error)
    if not group._errors:
        return
    if parent.cancelling() and isinstance(parent, WorkflowTask):
        # Somebody else asked for it too: it is raised where the task next waits.
        parent.cancel_when_it_waits()
    try:
        raise BaseExceptionGroup("unhandled errors in a TaskGroup", group._errors) from None
    finally:
        group._errors = None


async def acquire_semaphore(semaphore: Any) -> bool:
    """Take one unit, in the order of asking."""
    if not semaphore.locked():
        semaphore._value -= 1
        return True
    if semaphore._waiters is None:
        semaphore._waiters = deque()
    turn = semaphore._get_loop().create_future()
    semaphore._waiters.append(turn)
    try:
        try:
            await turn
        finally:
            semaphore._waiters.remove(turn)
    except asyncio.CancelledError:
        if turn.done() and not turn.cancelled():
            semaphore._value += 1  # it was this one's turn: that goes to the next
        raise
    finally:
        while semaphore._value > 0 and _let_next_in(semaphore):
            pass
    return True


def release_semaphore(semaphore: Any) -> None:
    """Give one unit back."""
    semaphore._value += 1
    _let_next_in(semaphore)


def _let_next_in(semaphore: Any) -> bool:
    for turn in semaphore._waiters or ():
        if not turn.done():
            semaphore._value -= 1
            turn.set_result(True)
            return True
    return False


async def wait_for_condition(condition: Any) -> bool:
    """Release the lock, wait to be notified, take the lock again."""
    if not condition.locked():
        raise RuntimeError("cannot wait on un-acquired lock")
    notice = condition._get_loop().create_future()
    condition.release()
    try:
        try:
            condition._waiters.append(notice)
            try:
                await notice
            finally:
                condition._waiters.remove(notice)
        finally:
            await _take_lock_again(condition)
    except BaseException:
        # The notice may have come and is lost on this task: another gets it.
        _notify_one(condition)
        raise
    return True


async def _take_lock_again(condition: Any) -> None:
    cancelled: asyncio.CancelledError | None = None
    while True:
        try:
            await condition.acquire()
            break
        except asyncio.CancelledError as caught:
            cancelled = caught
    if cancelled is not None:
        raise cancelled


def _notify_one(condition: Any) -> None:
    for notice in condition._waiters:
        if not notice.done():
            notice.set_result(False)
            return
