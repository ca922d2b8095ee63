"""The worker: runs a program on Microsoft's SDK."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError
from perdure.spi.bridge import ANSWER_PARENT, END_CHILDREN, START_CHILD, ResultRecord
from perdure.spi.remote import ParkedInstances
from perdure.spi.remote.worker import RemoteWorker
from perdure_azure import faults, sdk
from perdure_azure.connection import Connection
from perdure_azure.sdk import sdk_of_azure
from perdure_azure.sdk_worker import SdkWorker

if TYPE_CHECKING:
    from perdure.spi.bridge import Bridge
    from perdure.spi.program import Program
    from perdure.spi.remote.worker import SdkLife
    from perdure_azure.parts import Parts

_ERRANDS: Final = (ANSWER_PARENT, END_CHILDREN, START_CHILD)
# Each wake is an action that is billed.
_LONGEST_WAIT_SECONDS: Final = 600.0
_PROBE_SECONDS: Final = 10.0
_READY_SECONDS: Final = 20.0
_REFUSAL_SECONDS: Final = 0.02


class AzureWorker(RemoteWorker):
    """See :class:`perdure.spi.BackendWorker`."""

    def __init__(self, parts: Parts, program: Program) -> None:
        parked = ParkedInstances(parts.server, program, longest_wait_seconds=_LONGEST_WAIT_SECONDS)
        super().__init__(program, sdk=sdk_of_azure(), parked=parked, errands=parts.errands)
        self._parts = parts
        self._id = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4()}"
        self._connection = Connection(parts.address, parts.tokens, worker_id=self._id)

    async def prepare(self) -> None:
        """Connect, and see that the hub is there."""
        await self._parts.scheduler.probe(seconds=_PROBE_SECONDS)
        self._connection.open()

    def open_results(self) -> ResultRecord:
        """Open the record of results of the hub."""
        is_for_all = self._parts.address.is_recorded
        return ResultRecord.open(faults.NAME, self._parts.hub_key, is_for_all=is_for_all)

    def make_life(self, bridge: Bridge) -> SdkWorker:
        """Return a worker of the SDK, for the names of the program alone."""
        life = SdkWorker(
            self._parts.address,
            self._parts.tokens,
            bridge,
            foreign=self._parts.foreign,
            connection=self._connection,
            worker_id=self._id,
            loop=asyncio.get_running_loop(),
        )
        activities = sorted({*self.program.activities, *_ERRANDS})
        life.use_work_item_filters(sdk.filters_for(sorted(self.program.workflows), activities))
        return life

    async def start_life(self, life: SdkLife) -> None:
        """Start it, and return once its stream is open and was not refused."""
        assert isinstance(life, SdkWorker)
        await asyncio.to_thread(life.start)
        if not await asyncio.to_thread(life.connected.wait, _READY_SECONDS):
            raise self._no_work()
        # The scheduler need not say yes. It says no a round trip later than the call for work.
        await self._connection.call("Hello", sdk.Empty(), action="say hello")
        await asyncio.sleep(_REFUSAL_SECONDS)
        if life.refusal is not None:
            raise life.refusal

    async def release(self) -> None:
        """Hang up."""
        await self._connection.close()

    def _no_work(self) -> BackendUnavailableError:
        problem = (
            f"the scheduler at {self._parts.address.target} answers, but opens no stream of work "
            f"items within {_READY_SECONDS:.0f} s; has the identity the role Durable Task Data "
            "Contributor?"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)
