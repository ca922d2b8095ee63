"""The worker: runs a program on Dapr's SDK, and sees to it that the sidecar serves it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import BackendUnavailableError, PerdureError
from perdure.spi.bridge import ResultRecord
from perdure.spi.remote import ParkedInstances
from perdure.spi.remote.worker import RemoteWorker, stop_life
from perdure_dapr import checks, faults
from perdure_dapr.sdk import sdk_of_dapr
from perdure_dapr.sdk_worker import SdkWorker
from perdure_dapr.watchman import Watchman

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from perdure.spi.bridge import Bridge
    from perdure.spi.program import Program
    from perdure.spi.remote.worker import SdkLife
    from perdure_dapr.parts import Parts

_HELLO_SECONDS: Final = 5.0
_READY_SECONDS: Final = 20.0
_PROBE_SECONDS: Final = 0.5
_PAUSE_SECONDS: Final = 0.01


class DaprWorker(RemoteWorker):
    """See :class:`perdure.spi.BackendWorker`."""

    def __init__(self, parts: Parts, program: Program) -> None:
        parked = ParkedInstances(parts.server, program)
        super().__init__(program, sdk=sdk_of_dapr(), parked=parked, errands=parts.errands)
        self._parts = parts
        self._watchman = Watchman(parts.sidecar, clock=parts.clock, wake=parts.waker.wake)

    async def prepare(self) -> None:
        """See that the sidecar is there and takes the names of the program.

        Raises:
            InvalidNameError: Dapr keeps the name of a workflow or an activity for itself.
        """
        checks.check_names("workflow", self.program.workflows)
        checks.check_names("activity", self.program.activities)
        await self._parts.sidecar.hello(seconds=_HELLO_SECONDS)
        await self._parts.hosting.renew_waiting()

    def open_results(self) -> ResultRecord:
        """Open the record of results of the hub."""
        is_for_all = self._parts.address.is_recorded
        return ResultRecord.open(faults.NAME, self._parts.app_id, is_for_all=is_for_all)

    def make_life(self, bridge: Bridge) -> SdkWorker:
        """Return a worker of the SDK."""
        return SdkWorker(
            self._parts.address,
            bridge,
            loop=asyncio.get_running_loop(),
            on_turn=self._watchman.turned,
        )

    async def start_life(self, life: SdkLife) -> None:
        """Start it, and return once the sidecar counts it and hosts workflows."""
        starting = asyncio.create_task(asyncio.to_thread(life.start))
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await starting
                await self._until_counted()
                while not await self._parts.sidecar.answers(seconds=_PROBE_SECONDS):
                    pass
        except TimeoutError:
            raise self._no_work() from None
        self._parts.hosting.look_anew()

    def beside(self) -> Iterable[Coroutine[Any, Any, None]]:
        """Return the watchman's round."""
        return (self._watchman.watch(),)

    async def leave(self, life: SdkLife) -> None:
        """Stop it. The last one must not leave turns behind that wait for it."""
        async with contextlib.AsyncExitStack() as stack:
            with contextlib.suppress(PerdureError):
                await stack.enter_async_context(self._parts.hosting.covering())
            await stop_life(life)
        self._parts.hosting.look_anew()

    async def _until_counted(self) -> None:
        # Not by a call that waits: where one does, the sidecar takes two seconds longer.
        give_up_at = time.monotonic() + _READY_SECONDS / 2
        while (await self._parts.sidecar.metadata()).connected_workers < 1:
            if time.monotonic() > give_up_at:
                raise self._no_work()
            await asyncio.sleep(_PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)

    def _no_work(self) -> BackendUnavailableError:
        problem = (
            f"the sidecar at {self._parts.address.target} answers, but hands out no work; it may "
            "be stuck since its last worker was killed: start the sidecar anew. Are its placement "
            "and scheduler services up?"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)
