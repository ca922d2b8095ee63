"""Bodies of entrypoints that are plain functions: each waits for its tasks within the workflow.

A plain function cannot be left at ``task(…).result()`` and gone on with later, unless it has a
stack of its own. A greenlet is just that, in the same thread.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
from typing import TYPE_CHECKING, Any, NoReturn

from greenlet import (  # type: ignore[import-untyped]  # its types are a package of their own
    GreenletExit,
    getcurrent,
    greenlet,
)
from greenlet import (
    error as GreenletError,
)

from perdure_langgraph.errors import UnsupportedGraphError

if TYPE_CHECKING:
    from collections.abc import Callable


class _TaskFuture(concurrent.futures.Future[Any]):
    """The result of a task, which a plain body waits for."""

    def __init__(self, inner: asyncio.Future[Any], entrypoint: str) -> None:
        super().__init__()
        self._inner = inner
        self._entrypoint = entrypoint
        # Only who waits for several futures takes this lock by itself, and would never wake up.
        setattr(self._condition, "acquire", self._refuse)  # noqa: B010 - mypy takes it for fixed
        inner.add_done_callback(self._take)

    def result(self, timeout: float | None = None) -> Any:
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._wait(timeout)
        return super().exception(0)

    def cancel(self) -> bool:
        return self._inner.cancel()

    def _wait(self, timeout: float | None) -> None:
        if not self.done():
            parent = getcurrent().parent
            assert parent is not None  # in_greenlet runs the body
            parent.switch((self, timeout))

    def _refuse(self, *_arguments: Any) -> NoReturn:
        raise UnsupportedGraphError(
            graph=self._entrypoint,
            what="concurrent.futures.wait or as_completed",
            remedy="call result() of each future, or make the entrypoint an async def",
        )

    def _take(self, inner: asyncio.Future[Any]) -> None:
        if inner.cancelled():
            super().cancel()
            self.set_running_or_notify_cancel()
        elif (error := inner.exception()) is not None:
            self.set_exception(error)
        else:
            self.set_result(inner.result())


def waited_for(future: asyncio.Future[Any], *, entrypoint: str) -> concurrent.futures.Future[Any]:
    """Return the future of a task as one that a plain body can wait for."""
    return _TaskFuture(future, entrypoint)


async def in_greenlet(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run a plain body to its end; while it waits for a task, the workflow goes on.

    Raises:
        BaseException: Whatever ``function`` raises.
        UnsupportedGraphError: The workflow goes on in another thread, as on Dapr and on Azure.
    """
    body = greenlet(function)
    body.gr_context = contextvars.copy_context()
    waits = body.switch(*args, **kwargs)
    while not body.dead:
        future, timeout = waits
        try:
            await asyncio.wait({future._inner}, timeout=timeout)
            # What it holds is taken over by a callback, which may be due only now.
            await asyncio.sleep(0)
        except asyncio.CancelledError as err:
            waits = _gone_on(function, body.throw, err)
        except BaseException:
            body.throw(GreenletExit)
            raise
        else:
            waits = _gone_on(function, body.switch)
    return waits


def _gone_on(function: Callable[..., Any], go_on: Callable[..., Any], *args: Any) -> Any:
    try:
        return go_on(*args)
    except GreenletError as err:
        # A stack cannot go on in another thread than it began in.
        raise UnsupportedGraphError(
            graph=function.__name__,
            what="an entrypoint that is a plain def and waits for tasks, on Dapr and on Azure,",
            remedy="make the entrypoint an async def and await its tasks",
        ) from err
