"""Futures and tasks that hash by creation number.

``asyncio.wait``, ``as_completed`` and ``TaskGroup`` keep tasks in sets and iterate over them. The
usual hash is an address, so their order, and with it the order of commands, would differ from
process to process. Small consecutive numbers also make such sets iterate in order of creation,
which is what people expect.
"""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from perdure._replay.loop import WorkflowLoop


class WorkflowFuture(asyncio.Future[Any]):
    """A future of the workflow loop."""

    _number = -1

    def __init__(self, *, loop: asyncio.AbstractEventLoop, number: int) -> None:
        super().__init__(loop=loop)
        self._number = number

    def __hash__(self) -> int:
        return self._number


class WorkflowTask(asyncio.Task[Any]):
    """A task of the workflow loop."""

    # While asyncio registers the new task in its process-wide weak set, there is no number yet and
    # the address is the
    # hash: the tasks number 1 of thousands of instances would otherwise all fall into one slot of
    # that set.
    _number = -1
    _late_cancel: asyncio.Handle | None = None

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        loop: WorkflowLoop,
        number: int,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        self._workflow_loop = loop
        self.context = context if context is not None else contextvars.copy_context()
        super().__init__(coro, loop=loop, name=name or f"Task-{number}", context=self.context)
        self._number = number

    def __hash__(self) -> int:
        number = self._number
        return number if number >= 0 else id(self) >> 4

    def cancel_when_it_waits(self) -> None:
        """Have the running task cancelled where it next waits; not if it ends before.

        :meth:`cancel` does that too, but cannot take it back before Python 3.13. The number of
        requests stays as it is.
        """
        if self._late_cancel is None:
            self._late_cancel = self._workflow_loop.call_next(self._cancel_late)

    def _cancel_late(self) -> None:
        self._late_cancel = None
        super().cancel()
        super().uncancel()

    def uncancel(self) -> int:
        """Take one request to cancel back, and with the last one what is to be raised for it."""
        requests = super().uncancel()
        if requests == 0 and self._late_cancel is not None:
            self._late_cancel.cancel()
            self._late_cancel = None
        return requests
