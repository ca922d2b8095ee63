"""For plugins that run an agent framework's own loop inside a workflow.

Such a plugin replaces single calls of the framework by activities. It calls them by name, with
arguments that are built only if history does not have them yet, and it keeps what it must remember
of a run beside the run.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from perdure._closers import before_loop_ends
from perdure._replay.current import current_executor, require_executor
from perdure._replay.definition import ActivityCall
from perdure._runner.threads import ThreadPool
from perdure.types import Delivery, RetryPolicy
from perdure.workflow import running_workflow as workflow_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from perdure._replay.executor import WorkflowExecutor
    from perdure._replay.loop import WorkflowLoop
    from perdure.workflow import Workflow

__all__ = [
    "before_loop_ends",
    "call_activity",
    "in_workflow",
    "is_replaying",
    "leave_history",
    "repeatable",
    "run_in_thread",
    "run_state",
    "run_threads_inline",
    "running_workflow",
]

T = TypeVar("T")

_states: weakref.WeakKeyDictionary[WorkflowExecutor, dict[Any, Any]] = weakref.WeakKeyDictionary()
_pools: dict[asyncio.AbstractEventLoop, ThreadPool] = {}


def in_workflow() -> bool:
    """Return whether the code that asks runs in a workflow."""
    return current_executor() is not None


def is_replaying() -> bool:
    """Return whether a workflow runs here, over its history."""
    executor = current_executor()
    return executor is not None and executor.is_replaying


def running_workflow() -> Workflow[..., Any]:
    """Return the workflow that runs here.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return workflow_of(require_executor("the workflow that runs"))


async def call_activity(
    name: str,
    arguments: Callable[[], Mapping[str, Any]],
    *,
    retry: RetryPolicy | None = None,
    timeout: timedelta | None = None,
    delivery: Delivery = "at_least_once",
) -> Any:
    """Run the activity that a worker has under ``name``, and return its result, of JSON types.

    Args:
        name: What it is registered as; this process need not have it.
        arguments: Builds the arguments by parameter name, of JSON types. It is not called on a
            replay, so it may be costly, but must have no effect that the workflow sees.
        retry: When a failed attempt is followed by another; by default never.
        timeout: How long each attempt may run.
        delivery: Whether it may run again when a worker dies during an attempt.

    Raises:
        ActivityError: It failed.
        NotInWorkflowError: No workflow runs here.
        PayloadError: An argument cannot be stored.
    """
    executor = require_executor(f"calling activity {name!r}")
    call = ActivityCall(
        name=name,
        encode=lambda: _encoded(name, arguments()),
        retry=retry or RetryPolicy.none(),
        timeout=timeout,
        delivery=delivery,
    )
    return json.loads(await executor.call_activity(call))


def leave_history(*, recorded: str, asked: str) -> NoReturn:
    """Say that the run's history has something else than the code asks for; the run stalls.

    perdure tells apart what the code calls by names alone. Where a plugin calls many things by one
    name, it alone can see that the code has changed.

    Raises:
        NonDeterminismError: Always; it goes on when a worker with fitting code starts.
        NotInWorkflowError: No workflow runs here.
    """
    raise require_executor("leaving the history").leave_history(recorded=recorded, asked=asked)


def run_state(kind: Callable[[], T]) -> T:
    """Return what the run that goes on here keeps of ``kind``, made by calling it the first time.

    It lives as long as the run is in memory, and is made anew when the run is replayed: what is in
    it must follow from the run's history alone.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    states = _states.setdefault(require_executor("the state of a run"), {})
    if kind not in states:
        states[kind] = kind()
    state: T = states[kind]
    return state


@contextmanager
def repeatable(seed: str) -> Iterator[Callable[[datetime], None]]:
    """Within, the workflow draws the same random numbers and ids each time; others go on after it.

    For plugins that call a function of the workflow anew from its start. What is yielded says what
    instant it is from there on, to the end of the block, in which nothing may be awaited.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    executor = require_executor("running a function again")
    now, now_us = executor.now(), executor.now_us

    def set_back_to(instant: datetime) -> None:
        executor.now_us = now_us - (now - instant) // timedelta(microseconds=1)

    with executor.drawing_from(seed):
        try:
            yield set_back_to
        finally:
            executor.now_us = now_us


async def run_in_thread(function: Callable[[], T]) -> T:
    """Call a blocking function in a thread that nothing ever waits for; return its result.

    For ``async def`` activities that call ``def`` code of users. The function sees the activity's
    context. Where the activity times out the thread is left to itself, and a thread that hangs
    keeps neither the worker nor Python from ending, as one of ``asyncio.to_thread`` does.

    Raises:
        BaseException: Whatever ``function`` raises.
    """
    result: T = await _pool_of(asyncio.get_running_loop()).run(function)
    return result


def run_threads_inline() -> None:
    """From here on, run what this workflow hands to threads (``asyncio.to_thread``) in its own.

    For frameworks that put plain functions into threads which only compute. What must not be done
    in a workflow is still refused there.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    require_executor("running threads inline")
    cast("WorkflowLoop", asyncio.get_running_loop()).runs_threads_inline = True


def _pool_of(loop: asyncio.AbstractEventLoop) -> ThreadPool:
    pool = _pools.get(loop)
    if pool is None:
        # A pool knows its loop, so weak keys would never be let go.
        for gone in [known for known in tuple(_pools) if known.is_closed()]:
            _pools.pop(gone, None)
        pool = _pools[loop] = ThreadPool(name="perdure-framework")
    return pool


def _encoded(name: str, arguments: Mapping[str, Any]) -> str:
    from perdure.payloads import ValueConverter

    return ValueConverter(Any, what=f"arguments of activity {name!r}").encode(dict(arguments))
