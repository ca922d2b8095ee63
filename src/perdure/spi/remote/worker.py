"""The worker: a program on a vendor's SDK, whose worker may end by itself and is then replaced."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, Protocol

from perdure.spi.backend import BackendWorker
from perdure.spi.bridge import Bridge

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable
    from datetime import timedelta
    from typing import Any

    from perdure.spi.bridge import Errands, ResultRecord, Sdk
    from perdure.spi.program import Program
    from perdure.spi.remote.parked import ParkedInstances

_logger = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 15.0


class SdkLife(Protocol):
    """One life of an SDK's worker: started once, stopped once. Its methods block."""

    @property
    def has_ended(self) -> bool:
        """Whether it has ended by itself."""

    def start(self) -> None:
        """Begin to take work."""

    def hold_activities(self) -> None:
        """From now on leave activities unanswered that are handed out."""

    def wait_until_idle(self, *, seconds: float) -> bool:
        """Return whether all answers were sent; waits for it for so long."""

    def stop(self) -> None:
        """Disconnect; what still runs is cancelled."""


class RemoteWorker(BackendWorker):
    """See :class:`perdure.spi.BackendWorker`."""

    def __init__(
        self, program: Program, *, sdk: Sdk, parked: ParkedInstances, errands: Errands
    ) -> None:
        """Make it; nothing is connected.

        Args:
            program: What it runs.
            sdk: The SDK's classes.
            parked: What wakes instances that nobody could go on with.
            errands: Who runs errands.
        """
        self.program = program
        self._sdk = sdk
        self._parked = parked
        self._errands = errands
        self._results: ResultRecord | None = None
        self._bridge: Bridge | None = None
        self._life: SdkLife | None = None
        self._beside: list[asyncio.Task[None]] = []

    # -- what each vendor's has of its own --------------------------------------------------------

    @abc.abstractmethod
    async def prepare(self) -> None:
        """See that the server can be worked for, before anything is started."""

    @abc.abstractmethod
    def open_results(self) -> ResultRecord:
        """Open the record of results of the hub."""

    @abc.abstractmethod
    def make_life(self, bridge: Bridge) -> SdkLife:
        """Return a worker of the SDK that is not started."""

    @abc.abstractmethod
    async def start_life(self, life: SdkLife) -> None:
        """Start a worker of the SDK, and return once the server hands it work.

        Raises:
            BackendUnavailableError: It does not, in time.
        """

    def beside(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return what runs for as long as the worker does."""
        return ()

    async def leave(self, life: SdkLife) -> None:
        """Stop a worker of the SDK for good."""
        await stop_life(life)

    async def release(self) -> None:
        """Let go of what ``prepare`` has taken. May be called twice."""

    # -- what all have ----------------------------------------------------------------------------

    async def start(self) -> None:
        """Connect, and return once the server hands out work."""
        await self.prepare()
        loop = asyncio.get_running_loop()

        def note_parked(instance_id: str, reason: str) -> None:
            loop.call_soon_threadsafe(self._parked.add, instance_id)

        try:
            self._results = self.open_results()
            self._bridge = Bridge(
                self.program,
                sdk=self._sdk,
                on_parked=note_parked,
                results=self._results,
                errands=self._errands,
            )
            self._life = life = self.make_life(self._bridge)
            await self.start_life(life)
        except BaseException:
            await self._stop_all()
            raise
        self._beside = [asyncio.create_task(each) for each in (self._watch(), *self.beside())]
        self._parked.start()

    async def drain(self, *, timeout: timedelta) -> None:
        """Let activities end and their results be sent, then disconnect."""
        life = self._life
        if life is not None:
            life.hold_activities()
            seconds = timeout.total_seconds()
            if seconds > 0:
                await asyncio.to_thread(life.wait_until_idle, seconds=seconds)
        await self._stop_all()

    async def _watch(self) -> None:
        """Put a new worker in the place of one that has given up."""
        assert self._bridge is not None
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            life = self._life
            if life is None or not life.has_ended:
                continue
            _logger.warning("the SDK's worker has ended by itself; another one begins")
            await stop_life(life)
            self._life = life = self.make_life(self._bridge)
            with contextlib.suppress(RuntimeError):  # it has ended again
                await asyncio.to_thread(life.start)

    async def _stop_all(self) -> None:
        beside, self._beside = self._beside, []
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._parked.stop()
        life, self._life = self._life, None
        if life is not None:
            await self.leave(life)
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
        results, self._results = self._results, None
        if results is not None:
            results.close()
        await self.release()


async def stop_life(life: SdkLife) -> None:
    """Stop a worker of an SDK; one that does not stop in time is left behind."""
    stopping = asyncio.create_task(asyncio.to_thread(life.stop))
    done, _ = await asyncio.wait([stopping], timeout=_STOP_SECONDS)
    if not done:
        _logger.warning("the SDK's worker did not stop within %g s; left behind", _STOP_SECONDS)
