"""The worker: runs a program on the SDK's worker, and sees to it that there always is one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import uuid
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError
from perdure.spi.backend import BackendWorker
from perdure.spi.bridge import ANSWER_PARENT, END_CHILDREN, START_CHILD, Bridge, ResultRecord
from perdure.spi.remote import ParkedInstances
from perdure_azure import faults, sdk
from perdure_azure.connection import Connection
from perdure_azure.sdk import sdk_of_azure
from perdure_azure.sdk_worker import SdkWorker

if TYPE_CHECKING:
    from datetime import timedelta

    from perdure.spi.program import Program
    from perdure_azure.parts import Parts

_logger = logging.getLogger(__name__)

_ERRANDS: Final = (ANSWER_PARENT, END_CHILDREN, START_CHILD)
_PROBE_SECONDS: Final = 10.0
_READY_SECONDS: Final = 20.0
_WATCH_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 15.0


class AzureWorker(BackendWorker):
    """See :class:`perdure.spi.BackendWorker`."""

    def __init__(self, parts: Parts, program: Program) -> None:
        self._parts = parts
        self._program = program
        self._parked = ParkedInstances(parts.server, program)
        self._id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4()}"
        self._connection = Connection(parts.address, parts.tokens, worker_id=self._id)
        self._results: ResultRecord | None = None
        self._bridge: Bridge | None = None
        self._sdk: SdkWorker | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and return once the scheduler hands out work."""
        await self._parts.scheduler.probe(seconds=_PROBE_SECONDS)
        loop = asyncio.get_running_loop()

        def note_parked(instance_id: str, reason: str) -> None:
            loop.call_soon_threadsafe(self._parked.add, instance_id)

        self._connection.open()
        self._results = ResultRecord.open(faults.NAME, self._parts.hub_key)
        self._bridge = Bridge(
            self._program,
            sdk=sdk_of_azure(),
            on_parked=note_parked,
            results=self._results,
            errands=self._parts.errands,
        )
        self._sdk = worker = self._make(self._bridge)
        try:
            await asyncio.to_thread(worker.start)
            if not await asyncio.to_thread(worker.connected.wait, _READY_SECONDS):
                raise self._no_work()
        except BaseException:
            await self._stop_all()
            raise
        self._watching = asyncio.create_task(self._watch())
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
        worker = SdkWorker(
            self._parts.address,
            self._parts.tokens,
            bridge,
            foreign=self._parts.foreign,
            connection=self._connection,
            worker_id=self._id,
            loop=asyncio.get_running_loop(),
        )
        activities = sorted({*self._program.activities, *_ERRANDS})
        worker.use_work_item_filters(sdk.filters_for(sorted(self._program.workflows), activities))
        return worker

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
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await self._parked.stop()
        worker, self._sdk = self._sdk, None
        if worker is not None:
            await _stop(worker)
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
        results, self._results = self._results, None
        if results is not None:
            await asyncio.to_thread(results.close)
        await self._connection.close()

    def _no_work(self) -> BackendUnavailableError:
        problem = (
            f"the scheduler at {self._parts.address.target} answers, but opens no stream of work "
            f"items within {_READY_SECONDS:.0f} s; has the identity the role Durable Task Worker?"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)


async def _stop(worker: SdkWorker) -> None:
    stopping = asyncio.create_task(asyncio.to_thread(worker.stop))
    done, _ = await asyncio.wait([stopping], timeout=_STOP_SECONDS)
    if not done:
        _logger.warning("the SDK's worker did not stop within %g s; left behind", _STOP_SECONDS)
