"""Sessions: a backend opened on a portal of its own, shared by all that have the app open here."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from perdure._link import DEFAULT_DEADLINE, Link
from perdure._portal import Portal
from perdure.errors import BackendUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from perdure._payload_backend import PayloadBackend
    from perdure._portal import Caller
    from perdure._program import RegistryProgram
    from perdure.clock import Clock
    from perdure.payloads.settings import Payloads
    from perdure.spi.backend import Backend, BackendWorker

DEFAULT_DRAIN = timedelta(seconds=10)
_log = logging.getLogger(__name__)

_OPEN_SECONDS = 30.0
_STOP_SECONDS = 10.0


class Session:
    """One backend on one portal. What is a coroutine here runs on the portal's loop."""

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        make_backend: Callable[[], Backend],
        payloads: Payloads | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.portal = Portal(backend=name)
        self.users = 0
        self.has_worker = False
        self._make_backend = make_backend
        self._payloads = payloads
        self._backend: PayloadBackend | None = None
        self._opening: asyncio.Task[None] | None = None

    @property
    def backend(self) -> PayloadBackend:
        """The opened backend."""
        assert self._backend is not None
        return self._backend

    async def open(self) -> None:
        """Open the backend, unless another user has, or is about to."""
        if self._opening is None or (self._opening.done() and self._backend is None):
            self._opening = asyncio.create_task(self._open())
        # A user who gives up must not leave the backend half open: it opens, and is then closed.
        await asyncio.shield(self._opening)

    async def close(self) -> None:
        """Close the backend."""
        if self._opening is not None:
            await asyncio.wait([self._opening], timeout=_STOP_SECONDS / 2)
        if self._backend is not None:
            await self._backend.close()

    async def _open(self) -> None:
        from perdure._payload_backend import PayloadBackend
        from perdure.payloads.pipeline import open_pipeline
        from perdure.payloads.settings import Payloads, with_default

        backend = self._make_backend()
        payloads = self._payloads or Payloads()
        # Before anything is reached, so that a wrong setting is told first.
        pipeline = open_pipeline(payloads, limit=backend.payload_limit)
        await backend.open()
        try:
            if (stored := with_default(payloads, backend.default_payloads)) is not payloads:
                pipeline = open_pipeline(stored, limit=backend.payload_limit)
        except BaseException:
            await backend.close()
            raise
        self._backend = PayloadBackend(backend, pipeline)


class SessionPool:
    """The session of an app in this process: the first user opens it, the last one closes it."""

    def __init__(self, make_session: Callable[[], Session]) -> None:
        self._make_session = make_session
        self._shared: Session | None = None
        self._lock = threading.Lock()

    def join(self, *, with_worker: bool) -> Session:
        """Return a session to use. A second worker gets one of its own."""
        with self._lock:
            session = self._shared
            if session is None or not session.portal.is_usable:
                session = self._shared = self._make_session()
            elif with_worker and session.has_worker:
                session = self._make_session()
            session.users += 1
            session.has_worker = session.has_worker or with_worker
            return session

    def leave(self, session: Session, *, with_worker: bool) -> bool:
        """Give ``session`` back; return whether it is the caller's to close."""
        with self._lock:
            session.users -= 1
            session.has_worker = session.has_worker and not with_worker
            if session.users == 0 and session is self._shared:
                self._shared = None
            return session.users == 0


class Opening:
    """One use of a session, from its beginning to its end: by a client, a worker, or both."""

    def __init__(
        self,
        pool: SessionPool,
        *,
        make_program: Callable[[Clock], RegistryProgram] | None,
        drain_timeout: timedelta,
    ) -> None:
        """Describe the use; without ``make_program`` there is no worker."""
        self._pool = pool
        self._make_program = make_program
        self._drain_timeout = drain_timeout
        self._session: Session | None = None
        self._caller: Caller | None = None
        self._worker: BackendWorker | None = None
        self._program: RegistryProgram | None = None

    async def open(
        self, *, deadline: timedelta = DEFAULT_DEADLINE, is_blocking: bool = False
    ) -> Link:
        """Join the session, start the worker if there is one to be, and return the way to call.

        Args:
            deadline: How long each call may take.
            is_blocking: Block instead of suspending, for :func:`~perdure._portal.finish`.

        Raises:
            BackendUnavailableError: The backend cannot be reached or used, or took too long.
        """
        if self._session is not None:
            raise RuntimeError("this is open already; call the method of the app again for another")
        session = self._pool.join(with_worker=self._make_program is not None)
        caller: Caller = session.portal.call_inline if is_blocking else session.portal.call
        self._session, self._caller = session, caller
        try:
            await caller(self._start(session), timeout_seconds=_OPEN_SECONDS)
        except TimeoutError as error:
            await self.close()
            problem = str(error) or f"it did not open within {_OPEN_SECONDS:g} s"
            raise BackendUnavailableError(backend=session.name, problem=problem) from error
        except BaseException:
            await self.close()
            raise
        return Link(backend=session.backend, caller=caller, clock=session.clock, deadline=deadline)

    async def close(self) -> None:
        """Drain the worker, leave the session, and close it if nobody else is there."""
        session, caller = self._session, self._caller
        self._session = None
        if session is None or caller is None:
            return
        has_worker = self._make_program is not None
        if not session.portal.is_usable:
            self._pool.leave(session, with_worker=has_worker)
            return  # after a fork it is the parent's to close
        try:
            seconds = self._drain_timeout.total_seconds() + _STOP_SECONDS
            await self._end(caller, self._stop_worker(), seconds=seconds)
        finally:
            # Not before: an activity that is drained may be in the session too, and leave it.
            if self._pool.leave(session, with_worker=has_worker):
                await self._close_session(session, caller)

    async def _close_session(self, session: Session, caller: Caller) -> None:
        try:
            await self._end(caller, session.close(), seconds=_STOP_SECONDS)
            # So that closing the portal, which blocks, is short.
            await caller(session.portal.cancel_all(), timeout_seconds=None)
        finally:
            session.portal.close()

    async def _end(
        self, caller: Caller, coroutine: Coroutine[Any, Any, None], *, seconds: float
    ) -> None:
        try:
            await caller(coroutine, timeout_seconds=seconds)
        except TimeoutError:
            # Not an error of the code that leaves: what it did is durable.
            _log.warning("the backend did not stop within %g s and was left behind", seconds)

    async def _start(self, session: Session) -> None:
        await session.open()
        if self._make_program is None:
            return
        self._program = self._make_program(session.clock)
        self._program.payloads = session.backend.payloads
        self._program.backend = session.backend
        self._worker = session.backend.worker(self._program)
        await self._worker.start()

    async def _stop_worker(self) -> None:
        try:
            if self._worker is not None:
                await self._worker.drain(timeout=self._drain_timeout)
        finally:
            if self._program is not None:
                self._program.close()
            if self._worker is not None:
                await self._worker.stop()
