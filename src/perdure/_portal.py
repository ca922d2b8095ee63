"""The portal: one background thread with perdure's own event loop, and the way in from anywhere.

Backends, engines and ``async def`` activities live on that loop. A client on another loop, or in
plain code, hands a coroutine in and gets its result out.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import contextvars
import logging
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from perdure._closers import run_closers
from perdure._mailbox import Mailbox
from perdure._replay.current import current_executor
from perdure.errors import BackendUnavailableError, ForbiddenInWorkflowError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_CANCEL_SECONDS = 5.0
_JOIN_SECONDS = 10.0
_EXIT_SECONDS = 2.0


class Caller(Protocol):
    """How a client has a coroutine run on the portal: without blocking its loop, or by blocking."""

    async def __call__(
        self, coroutine: Coroutine[Any, Any, _T], *, timeout_seconds: float | None
    ) -> _T:
        """Run ``coroutine`` on the portal's loop and return what it returns."""


class Portal:
    """One background thread with one event loop. It runs from construction until it is closed."""

    def __init__(self, *, backend: str) -> None:
        self._backend = backend
        self._loop = asyncio.new_event_loop()
        self._inbox = Mailbox(self._loop)
        self._outboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
            weakref.WeakKeyDictionary()
        )
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._is_open = True
        # A daemon: a program that ends without closing must not hang; what is committed is safe.
        self._thread = threading.Thread(
            target=self._run, name=f"perdure-loop-{backend}", daemon=True
        )
        self._thread.start()
        _open_portals.add(self)

    @property
    def is_usable(self) -> bool:
        """Whether it is open, in the process that opened it."""
        return self._is_open and self._pid == os.getpid()

    async def call(
        self, coroutine: Coroutine[Any, Any, _T], *, timeout_seconds: float | None = None
    ) -> _T:
        """Run ``coroutine`` on the portal's loop, without blocking the caller's.

        Cancelling the caller cancels the coroutine and does not wait for it.

        Raises:
            TimeoutError: It took longer; it is cancelled, and not waited for.
            BackendUnavailableError: The portal is closed, or belongs to the process before a fork.
            ForbiddenInWorkflowError: A workflow's code called.
        """
        home = asyncio.get_running_loop()
        if home is self._loop:
            async with asyncio.timeout(timeout_seconds):
                return await coroutine
        outbox = self._outbox_of(home)
        future: asyncio.Future[_T] = home.create_future()
        job = self._hand_in(coroutine, lambda job: outbox.post(lambda: job.settle(future)))
        try:
            async with asyncio.timeout(timeout_seconds):
                return await future
        finally:
            self._give_up(job)

    def call_blocking(
        self, coroutine: Coroutine[Any, Any, _T], *, timeout_seconds: float | None = None
    ) -> _T:
        """Run ``coroutine`` on the portal's loop and block until it is done.

        Raises:
            RuntimeError: Called on the portal's own thread, which would wait for itself.
            TimeoutError: As :meth:`call`, like the others that it raises.
        """
        if self._is_on_own_loop():
            coroutine.close()
            raise RuntimeError(
                "a sync client would block the loop that async activities run on; "
                "use `async with app.client()` there, or make the activity a plain `def`"
            )
        future: concurrent.futures.Future[_T] = concurrent.futures.Future()
        job = self._hand_in(coroutine, lambda job: job.settle(future))
        try:
            return future.result(timeout_seconds)
        finally:
            self._give_up(job)

    async def call_inline(
        self, coroutine: Coroutine[Any, Any, _T], *, timeout_seconds: float | None = None
    ) -> _T:
        """Do as :meth:`call_blocking`: a coroutine in form only, which never suspends.

        With it, :func:`finish` runs the code of an async client in plain code.
        """
        return self.call_blocking(coroutine, timeout_seconds=timeout_seconds)

    async def cancel_all(self) -> None:
        """Cancel all other tasks and wait for them to end. Runs on the portal's loop."""
        await run_closers()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            _, stubborn = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
            for task in stubborn:
                _log.warning("%r ignored its cancellation and was left behind", task)

    def close(self, *, timeout_seconds: float = _JOIN_SECONDS) -> None:
        """Cancel what still runs, and end the thread. May be called twice, and on any thread."""
        if not self.is_usable:
            return
        with self._lock:
            self._is_open = False
        _open_portals.discard(self)
        self._inbox.post(lambda: self._loop.create_task(self._finish()))
        if threading.get_ident() != self._thread.ident:
            self._thread.join(timeout_seconds)
            if self._thread.is_alive():
                _log.warning("perdure's event loop is blocked; its daemon thread was left behind")

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_forever()

    def _hand_in(
        self, coroutine: Coroutine[Any, Any, _T], deliver: Callable[[_Job[_T]], object]
    ) -> _Job[_T]:
        job = _Job(coroutine, deliver, backend=self._backend)
        try:
            _refuse_workflows()
            self._check_process()
            with self._lock:
                # Under the lock, so that nothing gets in behind the closing.
                if not self._is_open:
                    problem = "this client or worker is closed; open it again with app.client()"
                    raise BackendUnavailableError(backend=self._backend, problem=problem)
                self._inbox.post(job.start)
        except BaseException:
            coroutine.close()
            raise
        return job

    def _give_up(self, job: _Job[Any]) -> None:
        if job.is_done:
            return
        with self._lock:
            if self._is_open:
                self._inbox.post(job.cancel)

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            problem = (
                f"opened in process {self._pid} and cannot be used in process {os.getpid()} after "
                "a fork; open the app again in this process"
            )
            raise BackendUnavailableError(backend=self._backend, problem=problem)

    def _is_on_own_loop(self) -> bool:
        return asyncio._get_running_loop() is self._loop

    def _outbox_of(self, home: asyncio.AbstractEventLoop) -> Mailbox:
        outbox = self._outboxes.get(home)
        if outbox is None:
            outbox = self._outboxes[home] = Mailbox(home)
        return outbox

    async def _finish(self) -> None:
        try:
            await self.cancel_all()
            await self._loop.shutdown_asyncgens()
        finally:
            self._loop.stop()


def finish(awaitable: Awaitable[_T]) -> _T:
    """Run what never suspends, because its caller blocks, to its end in this thread."""
    try:
        next(awaitable.__await__())
    except StopIteration as stop:
        result: _T = stop.value
        return result
    raise RuntimeError("something suspended that must block")


def iterate(items: AsyncIterator[_T]) -> Iterator[_T]:
    """Yield what an iterator gives that never suspends."""
    while True:
        try:
            item = finish(anext(items))
        except StopAsyncIteration:
            return
        yield item


class _Job(Generic[_T]):
    """One coroutine on its way through the portal; ``start`` and ``cancel`` run on its loop."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, _T],
        deliver: Callable[[_Job[_T]], object],
        *,
        backend: str,
    ) -> None:
        self.is_done = False
        self._backend = backend
        self._coroutine = coroutine
        self._deliver = deliver
        self._task: asyncio.Task[_T] | None = None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._coroutine, context=contextvars.Context())
        self._task.add_done_callback(self._end)

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def settle(self, future: asyncio.Future[_T] | concurrent.futures.Future[_T]) -> None:
        assert self._task is not None
        if future.done():
            return
        if self._task.cancelled():
            # Not as a CancelledError: nobody cancelled the caller, or the future would be done.
            problem = "the app was closed while this call was under way"
            future.set_exception(BackendUnavailableError(backend=self._backend, problem=problem))
        elif (error := self._task.exception()) is not None:
            future.set_exception(error)
        else:
            future.set_result(self._task.result())

    def _end(self, task: asyncio.Task[_T]) -> None:
        self.is_done = True
        self._deliver(self)
        if not task.cancelled():
            task.exception()  # seen, even if the caller has gone


def _refuse_workflows() -> None:
    executor = current_executor()
    if executor is None:
        return
    error = ForbiddenInWorkflowError(
        what="a call of a perdure client",
        remedy="make it in an activity, or use a child workflow or an event",
    )
    executor.fail_with(error)
    raise error


_open_portals: weakref.WeakSet[Portal] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for portal in list(_open_portals):
        portal.close(timeout_seconds=_EXIT_SECONDS)
