"""The backend: what clients ask of a scheduler."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceActiveError, InstanceNotFoundError, PerdureError
from perdure.spi.backend import Health, check_active, check_finished
from perdure.spi.remote import hold_reason
from perdure.spi.remote.backend import RemoteBackend
from perdure.state_folder import state_folder
from perdure.types import Status
from perdure_azure import faults

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo
    from perdure_azure.address import Address
    from perdure_azure.parts import Parts
    from perdure_azure.worker import AzureWorker

# The scheduler takes 1 MiB of text. A payload stands there as JSON text within JSON text, on its
# way from a child to its parent within one more: at worst that makes four bytes of one, and there
# is more in an envelope.
PAYLOAD_LIMIT: Final = 250_000
_PROBE_SECONDS: Final = 10.0
_HEALTH_SECONDS: Final = 2.5


class AzureBackend(RemoteBackend["Parts"]):
    """One task hub of one scheduler; see :class:`perdure.spi.Backend` for what it promises."""

    name = faults.NAME
    payload_limit = PAYLOAD_LIMIT

    def __init__(self, address: Address, *, clock: Clock) -> None:
        self._address = address
        self._clock = clock

    async def open(self) -> None:
        """Connect, and check that the hub is there and may be used."""
        self.parts = parts = await self._connect()
        if self._address.is_local:
            folder = state_folder() / "payloads" / self.name / parts.hub_key
            self.default_payloads = folder.as_uri()

    def worker(self, program: Program) -> AzureWorker:
        """Return a worker for ``program``."""
        from perdure_azure.worker import AzureWorker

        return AzureWorker(self.opened, program)

    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance."""
        info = await self.existing(instance_id)
        if info.reason is None and info.status is Status.SUSPENDED:
            events = await self.opened.server.events(instance_id)
            return replace(info, reason=hold_reason(events))
        return info

    async def purge(self, instance_id: str) -> None:
        """Delete a finished instance."""
        info = await self.existing(instance_id)
        check_finished(info, action="purge")
        try:
            was_there = await self.opened.scheduler.purge(instance_id)
        except InstanceActiveError:
            # Another has taken its place meanwhile.
            check_finished(await self.existing(instance_id), action="purge")
            raise
        if not was_there:
            raise InstanceNotFoundError(instance_id=instance_id)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance."""
        info = await self.existing(instance_id)
        check_active(info, action="suspend")
        if info.status is not Status.SUSPENDED:
            await self.opened.server.suspend(instance_id, reason=reason)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold."""
        info = await self.existing(instance_id)
        check_active(info, action="resume")
        # One that no worker has taken yet may have been told to hold all the same.
        await self.opened.server.resume(instance_id, reason=reason)

    async def health(self) -> Health:
        """Probe the scheduler."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self.opened.scheduler.probe(seconds=_HEALTH_SECONDS)
        except (PerdureError, TimeoutError) as error:
            return Health(is_healthy=False, detail=str(error) or "no answer in time")
        address = self._address
        detail = (
            f"Durable Task Scheduler at {address.target}, hub {address.hub!r}, "
            f"authentication {address.authentication.kind}"
        )
        return Health(is_healthy=True, detail=detail)

    async def _connect(self) -> Parts:
        from perdure_azure.parts import Parts

        parts = Parts(self._address, clock=self._clock, errands_of=self)
        parts.connection.open()
        try:
            await parts.scheduler.probe(seconds=_PROBE_SECONDS)
        except BaseException:
            await parts.close()
            raise
        return parts
