"""Teardown: end suspended code on purpose, in its own loop and contexts.

Left to the garbage collector, the ``finally:`` blocks of suspended coroutines would run at any
time, on any thread and in a foreign context. While an instance is torn down its commands go
nowhere: what they would return never comes.
"""

from __future__ import annotations

import contextvars
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from types import AsyncGeneratorType

    from perdure._replay.loop import WorkflowLoop

_logger = logging.getLogger("perdure.workflow")
_ROUNDS = 20
_CALLBACKS_A_ROUND = 10_000
_CALLBACKS_A_TASK = 20
_CLOSINGS = 10

# Coroutines that ignore both cancellation and GeneratorExit. Held for good: otherwise the collector
# would try again, wherever it happens to run.
_undying: list[Any] = []


def tear_down(loop: WorkflowLoop) -> None:
    """Cancel every task of ``loop`` until all have ended; close by force what refuses to."""
    loop.is_tearing_down = True
    loop.is_halted = False
    for _ in range(_ROUNDS):
        live = loop.tasks.live()
        for task in live:
            task.cancel()
        if not live and not _begin_closing_generators(loop):
            break
        loop.run_until_idle(limit=_CALLBACKS_A_ROUND + _CALLBACKS_A_TASK * len(live))
    for _ in range(_ROUNDS):
        refusing = loop.tasks.take()
        for task in refusing:
            _close_by_force(task, loop)
        if not refusing:
            break
    loop.drop_ready()


def context_of(task: asyncio.Task[Any] | None) -> contextvars.Context:
    """Return the context that ``task`` runs in, itself and no copy where that can be had."""
    context = getattr(task, "context", None)
    if context is None and task is not None and hasattr(task, "get_context"):
        context = task.get_context()
    return context if context is not None else contextvars.copy_context()


def _begin_closing_generators(loop: WorkflowLoop) -> bool:
    # Only once no task runs: a generator that a task is in the middle of cannot be closed.
    generators = loop.generators.take()
    for generator, context in generators:
        loop.create_task(_close(generator), context=context)
    return bool(generators)


async def _close(generator: AsyncGeneratorType[Any, Any]) -> None:
    try:
        await generator.aclose()
    except Exception:
        _logger.debug("an asynchronous generator raised while it was closed", exc_info=True)


def _close_by_force(task: asyncio.Task[Any], loop: WorkflowLoop) -> None:
    # References to each: one that outlives the coroutine awaiting it must not be collected.
    chain = _await_chain(task.get_coro())
    context = context_of(task)
    for coroutine in chain:
        for _ in range(_CLOSINGS):
            # In the loop, so that guards hold and commands go nowhere, and in the task's context.
            loop.call_next(coroutine.close, context=context)
            loop.run_until_idle(limit=1)
            if getattr(coroutine, "cr_frame", None) is None:
                break
        else:
            _give_up(coroutine, loop)


def _await_chain(coroutine: Any) -> list[Any]:
    """Return ``coroutine``, the one it awaits, the one that awaits, and so on."""
    chain = [coroutine]
    while getattr(coroutine := getattr(coroutine, "cr_await", None), "cr_frame", None) is not None:
        chain.append(coroutine)
    return chain


def _give_up(coroutine: Any, loop: WorkflowLoop) -> None:
    _undying.append(coroutine)
    _logger.warning(
        "a task of workflow instance %s refuses to end: %r",
        loop.executor.instance_id,
        coroutine,
        extra={"instance_id": loop.executor.instance_id},
    )
