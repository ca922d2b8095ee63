"""Carrying payloads to and from the payload store, while the instance that needs them waits."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perdure.errors import PerdureError

if TYPE_CHECKING:
    from perdure._runner.runner import Step
    from perdure.embedded.actions import Actions
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.steps import Steps

_logger = logging.getLogger(__name__)


class Carrier:
    """Does for one instance at a time what its step needs. Only few steps need anything."""

    def __init__(self, steps: Steps, *, actions: Actions) -> None:
        self._steps = steps
        self._actions = actions
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way."""
        return not self._tasks

    def carry(self, live: LiveInstance, step: Step) -> None:
        """Store what ``step`` has left unsettled, else fetch what it is missing."""
        task = self._loop.create_task(self._carry(live, step))
        live.carried = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def cancel(self) -> None:
        """Give up all that is on its way."""
        for task in self._tasks:
            task.cancel()

    async def _carry(self, live: LiveInstance, step: Step) -> None:
        is_held = step.is_unsettled
        try:
            if is_held:
                await live.runner.settle(step)
            else:
                await live.runner.fetch(step.missing)
        except Exception as error:  # noqa: BLE001 - it is logged, and stalls that instance only
            live.carried = None
            self._actions.lay_aside(live, _reason(error), lost=step if is_held else None)
            return
        live.carried = None
        if live.is_gone:
            return
        if is_held:
            self._steps.add(live, step)
        self._actions.ready(live)


def _reason(error: Exception) -> str:
    if isinstance(error, PerdureError):
        return str(error)
    _logger.error("payloads cannot be carried", exc_info=error)
    return f"perdure itself failed: {type(error).__name__}: {error}"
