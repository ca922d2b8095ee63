"""Futures of tasks for bodies that are plain functions: what they hold changes in waits alone."""

from __future__ import annotations

import concurrent.futures
import copy
from typing import TYPE_CHECKING, Any, NoReturn

from perdure_langgraph.errors import UnsupportedGraphError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class TaskFuture(concurrent.futures.Future[Any]):
    """The result of a task, for one run of a body.

    Attributes:
        call: Which of the body's calls it is of.
    """

    def __init__(
        self,
        call: int,
        *,
        wait: Callable[[TaskFuture, float | None], None],
        cancel: Callable[[int], bool],
        entrypoint: str,
    ) -> None:
        super().__init__()
        self.call = call
        self._wait = wait
        self._cancel = cancel
        self._entrypoint = entrypoint
        # Only who waits for several futures takes this lock by itself, and would never wake up.
        setattr(self._condition, "acquire", self._refuse)  # noqa: B010 - mypy takes it for fixed

    def result(self, timeout: float | None = None) -> Any:
        """Return the result, as any future does."""
        if not self.done():
            self._wait(self, timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return the exception, as any future does."""
        if not self.done():
            self._wait(self, timeout)
        return super().exception(0)

    def cancel(self) -> bool:
        """Cancel the task; what it comes to is told by the next wait."""
        return not self.done() and self._cancel(self.call)

    def take(self, inner: asyncio.Future[Any]) -> None:
        """Hold what ``inner`` came to, as a copy, which the run may change."""
        if inner.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
        elif (error := inner.exception()) is not None:
            # It is raised in each run, whose frames it would keep.
            self.set_exception(error.with_traceback(None))
        else:
            self.set_result(copy.deepcopy(inner.result()))

    def _refuse(self, *_arguments: Any) -> NoReturn:
        raise UnsupportedGraphError(
            graph=self._entrypoint,
            what="concurrent.futures.wait or as_completed",
            remedy="call result() of each future, or make the entrypoint an async def",
        )
