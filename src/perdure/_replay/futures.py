"""Futures and tasks that hash by creation number.

``asyncio.wait``, ``as_completed`` and ``TaskGroup`` keep tasks in sets and iterate over them. The
usual hash is an address, so their order, and with it the order of commands, would differ from
process to process. Small consecutive numbers also make such sets iterate in order of creation,
which is what people expect.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import contextvars
    from collections.abc import Coroutine, Generator


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

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        *,
        loop: asyncio.AbstractEventLoop,
        number: int,
        name: str | None,
        context: contextvars.Context | None,
    ) -> None:
        super().__init__(coro, loop=loop, name=name or f"Task-{number}", context=context)
        self._number = number

    def __hash__(self) -> int:
        number = self._number
        return number if number >= 0 else id(self) >> 4
