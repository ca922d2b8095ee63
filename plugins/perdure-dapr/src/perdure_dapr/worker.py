"""The worker: runs a program on the SDK's worker, and sees to it that there always is one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError, PerdureError
from perdure.spi.backend import BackendWorker
from perdure.spi.bridge import Bridge, ResultRecord
from perdure.spi.remote import ParkedInstances
from perdure_dapr import checks, faults
from perdure_dapr.sdk import sdk_of_dapr
from perdure_dapr.sdk_worker import SdkWorker
from perdure_dapr.watchman import Watchman

if TYPE_CHECKING:
    from datetime import timedelta

    from perdure.spi.program import Program
    from perdure_dapr.parts import Parts

_logger = logging.getLogger(__name__)

_HELLO_SECONDS: Final = 5.0
_READY_SECONDS: Final = 20.0
_PROBE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.01
_WATCH_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 10.0


class DaprWorker(BackendWorker):
    """See :class:`perdure.spi.BackendWorker`."""

    def __init__(self, parts: Parts, program: Program) -> None:
        self._parts = parts
        self._program = program
        self._parked = ParkedInstances(parts.server, program)
        self._results: ResultRecord | None = None
        self._bridge: Bridge | None = None
        self._sdk: SdkWorker | None = None
        self._watchman = Watchman(parts.sidecar, clock=parts.clock, wake=parts.waker.wake)
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, and return once the sidecar hands out work.

        Raises:
            InvalidNameError: Dapr keeps the name of a workflow or an activity for itself.
        """
        checks.check_names("workflow", self._program.workflows)
        checks.check_names("activity", self._program.activities)
        await self._parts.sidecar.hello(seconds=_HELLO_SECONDS)
        loop = asyncio.get_running_loop()

        def note_parked(instance_id: str, reason: str) -> None:
            loop.call_soon_threadsafe(self._parked.add, instance_id)

        self._results = ResultRecord.open(faults.NAME, self._parts.app_id)
        self._bridge = Bridge(
            self._program,
            sdk=sdk_of_dapr(),
            on_parked=note_parked,
            results=self._results,
            errands=self._parts.errands,
        )
        await self._parts.hosting.renew_waiting()
        self._sdk = self._make(self._bridge)
        starting = asyncio.create_task(asyncio.to_thread(self._sdk.start))
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await starting
                await self._until_counted()
                while not await self._parts.sidecar.answers(seconds=_PROBE_SECONDS):
                    pass
        except TimeoutError:
            await self._stop_all()
            raise self._no_work() from None
        except BaseException:
            await self._stop_all()
            raise
        self._parts.hosting.look_anew()
        self._watching = [
            asyncio.create_task(self._watch()),
            asyncio.create_task(self._watchman.watch()),
        ]
        self._parked.start()

    async def drain(self, *, timeout: timedelta) -> None:
        """Let activities end and their results be sent, then disconnect."""
        worker = self._sdk
        if worker is not None:
            worker.hold_activities()
            seconds = timeout.total_seconds()
            if seconds > 0:
                await asyncio.to_thread(worker.wait_until_idle, seconds=seconds)
        await self._stop_all()

    def _make(self, bridge: Bridge) -> SdkWorker:
        return SdkWorker(
            self._parts.address,
            bridge,
            loop=asyncio.get_running_loop(),
            on_turn=self._watchman.turned,
        )

    async def _until_counted(self) -> None:
        # Not by a call that waits: where one does, the sidecar takes two seconds longer.
        give_up_at = time.monotonic() + _READY_SECONDS / 2
        while (await self._parts.sidecar.metadata()).connected_workers < 1:
            if time.monotonic() > give_up_at:
                raise self._no_work()
            await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)

    async def _watch(self) -> None:
        """Put a new worker in the place of one that has given up."""
        assert self._bridge is not None
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            worker = self._sdk
            if worker is None or not worker.has_ended:
                continue
            _logger.warning("the SDK's worker has ended by itself; another one begins")
            await _stop(worker)
            self._sdk = worker = self._make(self._bridge)
            with contextlib.suppress(RuntimeError):  # it has ended again
                await asyncio.to_thread(worker.start)

    async def _stop_all(self) -> None:
        watching, self._watching = self._watching, []
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        await self._parked.stop()
        worker, self._sdk = self._sdk, None
        if worker is not None:
            await self._leave(worker)
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
        results, self._results = self._results, None
        if results is not None:
            await asyncio.to_thread(results.close)

    async def _leave(self, worker: SdkWorker) -> None:
        """Stop the SDK's worker. The last one must not leave turns behind that wait for it."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(PerdureError):
                await stack.enter_async_context(self._parts.hosting.covering())
            await _stop(worker)
        self._parts.hosting.look_anew()

    def _no_work(self) -> BackendUnavailableError:
        problem = (
            f"the sidecar at {self._parts.address.target} answers, but hands out no work; it may "
            "be stuck since its last worker was killed: start the sidecar anew. Are its placement "
            "and scheduler services up?"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)


async def _stop(worker: SdkWorker) -> None:
    stopping = asyncio.create_task(asyncio.to_thread(worker.stop))
    done, _ = await asyncio.wait([stopping], timeout=_STOP_SECONDS)
    if not done:
        _logger.warning("the SDK's worker did not stop within %g s; left behind", _STOP_SECONDS)
