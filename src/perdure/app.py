"""The app: what a program registers its workflows and activities with, and runs them by."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure._checks import check_timeout
from perdure._link import DEFAULT_DEADLINE
from perdure._portal import finish
from perdure._session import DEFAULT_DRAIN, Opening, Session, SessionPool
from perdure.client import Client
from perdure.config import configure_logging, resolve
from perdure.registry import Registry
from perdure.sync_client import SyncClient
from perdure.worker import Worker

if TYPE_CHECKING:
    from types import TracebackType

    from perdure._program import RegistryProgram
    from perdure.clock import Clock
    from perdure.payloads.settings import Payloads
    from perdure.plugins import BackendFactory


class App(Registry):
    """A registry with a name, which can be run.

    Nothing is opened before :meth:`run`, :meth:`worker` or :meth:`client` is entered. Those that
    are open at the same time in one process share one connection to the backend and one thread.
    """

    def __init__(
        self,
        name: str,
        *,
        backend: str | BackendFactory | None = None,
        profile: str | None = None,
        payloads: str | Payloads | None = None,
    ) -> None:
        """Name the app.

        Args:
            name: What logs call it.
            backend: The backend, whatever the settings say: a value as for ``PERDURE_BACKEND``, or
                what makes one (a class or a function, as a plugin's entry point names it).
            profile: The profile of ``perdure.toml`` to use, unless ``PERDURE_BACKEND`` is set.
            payloads: How payloads are stored, whatever the settings say: a value as for
                ``PERDURE_PAYLOADS``, or :class:`perdure.Payloads`.

        Raises:
            ValueError: The name is empty.
        """
        super().__init__()
        if not name:
            raise ValueError("an app needs a name, for its logs")
        self.name = name
        self._backend = backend
        self._profile = profile
        self._payloads = payloads
        self._pool = SessionPool(self._make_session)

    def __repr__(self) -> str:
        return f"<app {self.name!r}>"

    def client(self, *, deadline: timedelta = DEFAULT_DEADLINE) -> Running:
        """Return what opens a client: ``async with`` gives a Client, ``with`` a SyncClient.

        Args:
            deadline: How long a call may take before it raises ``TimeoutError``; waiting for
                results has its own timeouts.
        """
        return Running(self._opening(None), registry=self, deadline=deadline)

    def run(
        self,
        *,
        deadline: timedelta = DEFAULT_DEADLINE,
        drain_timeout: timedelta = DEFAULT_DRAIN,
    ) -> Running:
        """Return what runs a worker in this process and opens a client; see :meth:`client`.

        Args:
            deadline: How long a call of the client may take.
            drain_timeout: How long activities that run at the end may take to finish. Those that
                do not will run again.
        """
        return Running(self._opening(drain_timeout), registry=self, deadline=deadline)

    def worker(self, *, drain_timeout: timedelta = DEFAULT_DRAIN) -> Worker:
        """Return what runs a worker in this process: ``async with app.worker() as worker``.

        Args:
            drain_timeout: As in :meth:`run`.
        """
        return Worker(self._opening(drain_timeout), app_name=self.name, registry=self)

    def run_worker(self, *, drain_timeout: timedelta = DEFAULT_DRAIN) -> None:
        """Run a worker until SIGTERM or SIGINT, then drain it. For scripts; blocks.

        What it does is shown on standard error, unless ``PERDURE_LOG`` asks for less.

        Raises:
            BackendUnavailableError: The backend cannot be reached or used.
            ConfigurationError: The settings name no backend that can be used.
        """
        configure_logging("info")
        asyncio.run(self._work(drain_timeout))

    async def _work(self, drain_timeout: timedelta) -> None:
        await self.worker(drain_timeout=drain_timeout).run()

    def _opening(self, drain_timeout: timedelta | None) -> Opening:
        """Return one use of the app; without a timeout for draining it has no worker."""
        if drain_timeout is None:
            return Opening(self._pool, make_program=None, drain_timeout=timedelta())
        check_timeout(drain_timeout, may_be_zero=True)
        return Opening(self._pool, make_program=self._make_program, drain_timeout=drain_timeout)

    def _make_program(self, clock: Clock) -> RegistryProgram:
        from perdure._program import RegistryProgram

        return RegistryProgram(self, clock=clock)

    def _make_session(self) -> Session:
        from perdure.clock import SystemClock
        from perdure.plugins import load_backend

        configure_logging()
        clock = SystemClock()
        if callable(self._backend):
            make, url = self._backend, "custom"
            return Session(
                name=url,
                clock=clock,
                make_backend=lambda: make(url, clock=clock),
                payloads=self._how_to_store(None),
            )
        settings = resolve(backend=self._backend, profile=self._profile)
        factory = load_backend(
            settings.backend_name, setting=settings.backend_setting, profiles=settings.profiles
        )
        return Session(
            name=settings.backend_name,
            clock=clock,
            make_backend=lambda: factory(settings.backend_url, clock=clock),
            payloads=self._how_to_store(settings.payloads),
        )

    def _how_to_store(self, configured: str | None) -> Payloads:
        from perdure.payloads.settings import Payloads, read_payloads

        if isinstance(self._payloads, Payloads):
            return self._payloads
        if self._payloads is not None:
            return read_payloads(self._payloads, setting="payloads=")
        return read_payloads(configured)


class Running:
    """An app about to be opened: ``async with`` for async code, ``with`` for plain code; once."""

    def __init__(self, opening: Opening, *, registry: Registry, deadline: timedelta) -> None:
        check_timeout(deadline)
        self._opening = opening
        self._registry = registry
        self._deadline = deadline

    async def __aenter__(self) -> Client:
        """Open the backend, and run the worker if one was asked for.

        Raises:
            BackendUnavailableError: The backend cannot be reached or used.
            ConfigurationError: The settings name no backend that can be used.
        """
        return await self._open(is_blocking=False)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain the worker and close what nobody else uses."""
        await self._opening.close()

    def __enter__(self) -> SyncClient:
        """Do as ``async with``, and give a client for plain code."""
        return SyncClient(finish(self._open(is_blocking=True)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drain the worker and close what nobody else uses."""
        finish(self._opening.close())

    async def _open(self, *, is_blocking: bool) -> Client:
        link = await self._opening.open(deadline=self._deadline, is_blocking=is_blocking)
        return Client(link, registry=self._registry)
