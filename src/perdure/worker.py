"""Workers: run an app's workflows and activities until told to stop, then drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from perdure._session import Opening
    from perdure.registry import Registry

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """A worker of one app, for ``async with app.worker()``. Leaving the block drains it."""

    def __init__(self, opening: Opening, *, app_name: str, registry: Registry) -> None:
        self._opening = opening
        self._app_name = app_name
        self._registry = registry
        self._told_to_stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Open the backend and begin to take work.

        Raises:
            BackendUnavailableError: The backend cannot be reached or used.
            ConfigurationError: The settings name no backend that can be used.
        """
        link = await self._opening.open()
        _log.info(
            "worker of app %r is ready on %s: %d workflows, %d activities",
            self._app_name,
            link.backend.name,
            len(self._registry.workflows),
            len(self._registry.activities),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take no new work, let running activities end, and give everything back."""
        _log.info("worker of app %r is draining", self._app_name)
        await self._opening.close()
        _log.info("worker of app %r has stopped", self._app_name)

    def stop(self) -> None:
        """End :meth:`wait`. Call it on the event loop that waits."""
        self._told_to_stop.set()

    async def wait(self) -> None:
        """Return at SIGTERM, at SIGINT, or after :meth:`stop`.

        Signals are caught in the main thread only, and no longer once this has returned: a second
        one ends the process while it drains, which loses nothing.
        """
        with self._catching_signals():
            await self._told_to_stop.wait()

    async def run(self) -> None:
        """Open, work until told to stop as in :meth:`wait`, and drain.

        Signals count from the beginning: one that comes while the worker opens, or right after it
        has said that it is ready, drains it too.
        """
        async with contextlib.AsyncExitStack() as stack:
            with self._catching_signals():
                await stack.enter_async_context(self)
                await self._told_to_stop.wait()

    def _catch(self, number: int) -> None:
        _log.info("%s received", signal.Signals(number).name)
        self.stop()

    @contextlib.contextmanager
    def _catching_signals(self) -> Generator[None, None, None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        previous = {number: signal.getsignal(number) for number in _SIGNALS}
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._catch, number)
        try:
            yield
        finally:
            for number, handler in previous.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler)
