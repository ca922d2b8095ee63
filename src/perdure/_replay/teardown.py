"""Teardown: end suspended code on purpose, in its own loop and contexts.

Left to the garbage collector, the ``finally:`` blocks of suspended coroutines would run at any
time, on any thread and in a foreign context. While an instance is torn down its commands go
nowhere: what they would return never comes.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from types import AsyncGeneratorType

    from perdure._replay.loop import WorkflowLoop

_logger = logging.getLogger("perdure.workflow")
_ROUNDS = 20
_CALLBACKS_A_ROUND = 10_000


def tear_down(loop: WorkflowLoop) -> None:
    """Cancel every task of ``loop`` until all have ended; close by force what refuses to."""
    loop.is_tearing_down = True
    loop.is_halted = False
    generators = loop.take_generators()
    _cancel_all(loop)
    if generators:
        loop.create_task(_close_all(generators))
        _cancel_all(loop, first_round=False)
    for task in loop.live_tasks():
        _close_by_force(task, loop)


def _cancel_all(loop: WorkflowLoop, *, first_round: bool = True) -> None:
    if not first_round:
        loop.run_until_idle(limit=_CALLBACKS_A_ROUND)
    for _ in range(_ROUNDS):
        live = loop.live_tasks()
        if not live:
            return
        for task in live:
            task.cancel()
        loop.run_until_idle(limit=_CALLBACKS_A_ROUND)


async def _close_all(generators: list[AsyncGeneratorType[Any, Any]]) -> None:
    for generator in generators:
        try:
            await generator.aclose()
        except BaseException:
            _logger.debug("an asynchronous generator raised while it was closed", exc_info=True)


def _close_by_force(task: asyncio.Task[Any], loop: WorkflowLoop) -> None:
    coroutine = task.get_coro()
    try:
        coroutine.close()
    except BaseException:  # noqa: BLE001 - code that ignores both cancellation and GeneratorExit
        _logger.warning(
            "a task of workflow instance %s refuses to end: %r",
            loop.executor.instance_id,
            coroutine,
            extra={"instance_id": loop.executor.instance_id},
        )
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 - asyncio would warn of it
