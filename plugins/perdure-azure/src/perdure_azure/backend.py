"""The backend: what clients ask of a scheduler."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceActiveError, InstanceNotFoundError, PerdureError
from perdure.spi.backend import (
    Backend,
    Capability,
    Health,
    check_active,
    check_declared,
    check_finished,
)
from perdure.spi.remote import hold_reason, journal_of
from perdure.spi.remote.attempts import ClosedError
from perdure.state_folder import state_folder
from perdure.types import Status
from perdure_azure import faults

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from perdure.clock import Clock
    from perdure.spi.backend import InstanceFilter, InstancePage, StartRequest
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo
    from perdure_azure.address import Address
    from perdure_azure.parts import Parts
    from perdure_azure.worker import AzureWorker

# The scheduler takes 1 MiB of text. A payload stands there as JSON text within JSON text, which at
# worst doubles it, beside what else an envelope holds.
PAYLOAD_LIMIT: Final = 450_000
_PROBE_SECONDS: Final = 10.0
_HEALTH_SECONDS: Final = 2.5
_CAPABILITIES: Final = frozenset(Capability) - {Capability.HISTORY_ACROSS_RUNS}


class AzureBackend(Backend):
    """One task hub of one scheduler; see :class:`perdure.spi.Backend` for what it promises."""

    name = faults.NAME
    payload_limit = PAYLOAD_LIMIT

    def __init__(self, address: Address, *, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._parts: Parts | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All but the history of runs that continue-as-new has ended: the scheduler deletes it."""
        return _CAPABILITIES

    async def open(self) -> None:
        """Connect, and check that the hub is there and may be used."""
        from perdure_azure.parts import Parts

        parts = Parts(self._address, clock=self._clock, errands_of=self)
        parts.connection.open()
        try:
            await parts.scheduler.probe(seconds=_PROBE_SECONDS)
        except BaseException:
            await parts.close()
            raise
        self._parts = parts
        if self._address.is_local:
            folder = state_folder() / "payloads" / self.name / parts.hub_key
            self.default_payloads = folder.as_uri()

    async def close(self) -> None:
        """Disconnect."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.close()

    def worker(self, program: Program) -> AzureWorker:
        """Return a worker for ``program``."""
        from perdure_azure.worker import AzureWorker

        return AzureWorker(self._opened, program)

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance."""
        check_declared(self, request)
        return await self._opened.starter.start(request)

    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance."""
        info = await self._existing(instance_id)
        if info.reason is None and info.status is Status.SUSPENDED:
            events = await self._opened.server.events(instance_id)
            return replace(info, reason=hold_reason(events))
        return info

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled."""
        return await self._opened.waiter.wait(instance_id, timeout=timeout)

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Deliver an event."""
        check_active(await self._existing(instance_id), action="raise an event for")
        await self._opened.raiser.raise_event(instance_id, name=name, payload=payload)

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force, and the children tied to it."""
        await self._opened.terminator.terminate(instance_id, reason=reason)

    async def purge(self, instance_id: str) -> None:
        """Delete a finished instance."""
        info = await self._existing(instance_id)
        check_finished(info, action="purge")
        try:
            was_there = await self._opened.scheduler.purge(instance_id)
        except InstanceActiveError:
            # Another has taken its place meanwhile.
            check_finished(await self._existing(instance_id), action="purge")
            raise
        if not was_there:
            raise InstanceNotFoundError(instance_id=instance_id)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance."""
        info = await self._existing(instance_id)
        check_active(info, action="suspend")
        if info.status is not Status.SUSPENDED:
            await self._opened.server.suspend(instance_id, reason=reason)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold."""
        info = await self._existing(instance_id)
        check_active(info, action="resume")
        # One that no worker has taken yet may have been told to hold all the same.
        await self._opened.server.resume(instance_id, reason=reason)

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again."""
        return await self._opened.reviver.restart(instance_id, from_command=from_command)

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page of instances."""
        return await self._opened.lister.query(filter, page_size=page_size, token=token)

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return the journal of the current run."""
        info = await self._existing(instance_id)
        if run_id is not None and run_id != info.run_id:
            return await super().history(instance_id, run_id=run_id)
        return await journal_of(self._opened.server, instance_id)

    async def health(self) -> Health:
        """Probe the scheduler."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self._opened.scheduler.probe(seconds=_HEALTH_SECONDS)
        except (PerdureError, TimeoutError) as error:
            return Health(is_healthy=False, detail=str(error) or "no answer in time")
        address = self._address
        detail = (
            f"Durable Task Scheduler at {address.target}, hub {address.hub!r}, "
            f"authentication {address.authentication.kind}"
        )
        return Health(is_healthy=True, detail=detail)

    @property
    def _opened(self) -> Parts:
        if self._parts is None:
            raise ClosedError(backend=self.name)
        return self._parts

    async def _existing(self, instance_id: str) -> InstanceInfo:
        info = await self._opened.starter.find(instance_id)
        if info is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        return info
