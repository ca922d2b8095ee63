"""The backend: what clients ask of the embedded engine."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.clock import to_us
from perdure.embedded import lifecycle, reads, revival
from perdure.embedded.engine import Engine, new_run_id
from perdure.embedded.location import make_folder
from perdure.embedded.members import is_known_to_a_worker
from perdure.embedded.rows import NewInstance
from perdure.embedded.store import Store
from perdure.embedded.worker import EmbeddedWorker
from perdure.errors import BackendUnavailableError
from perdure.spi.backend import Backend, Capability, Health
from perdure.types import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.clock import Clock
    from perdure.embedded.location import Location
    from perdure.spi.backend import InstanceFilter, InstancePage, StartRequest
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo

_MICROSECOND = timedelta(microseconds=1)
_TERMINATION_SECONDS = 2.0


class EmbeddedBackend(Backend):
    """One file; see :class:`perdure.spi.Backend` for what each method promises."""

    name = "sqlite"

    def __init__(self, location: Location, *, clock: Clock) -> None:
        self._location = location
        self._clock = clock
        self._engine: Engine | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All there are."""
        return frozenset(Capability)

    async def open(self) -> None:
        """Open the file, and take over what processes that have ended left."""
        make_folder(self._location)
        location = self._location
        store = await asyncio.to_thread(Store, location.path, synchronous=location.synchronous)
        try:
            engine = Engine(self._location, store, clock=self._clock)
        except BaseException:
            store.close()
            raise
        try:
            await engine.open()
        except BaseException:
            engine.release()
            raise
        self._engine = engine

    async def close(self) -> None:
        """Leave the file."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    def worker(self, program: Program) -> EmbeddedWorker:
        """Return a worker for ``program``."""
        return EmbeddedWorker(self._opened, program)

    async def settle(self) -> None:
        """Return once nothing is left to do at this instant; for tests with a manual clock."""
        await self._opened.settle()

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance."""
        timeout = request.execution_timeout
        new = NewInstance(
            instance_id=request.instance_id,
            run_id=new_run_id(),
            workflow=request.workflow,
            arguments=request.arguments,
            start_at_us=None if request.start_at is None else to_us(request.start_at),
            execution_timeout_us=None if timeout is None else timeout // _MICROSECOND,
            headers=request.headers,
            tags=request.tags,
        )
        return await self._opened.commits.perform(
            lambda tx: lifecycle.start(tx, new, if_exists=request.if_exists)
        )

    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance."""
        return self._opened.store.read(lambda file: reads.get(file, instance_id))

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled."""
        try:
            async with asyncio.timeout(None if timeout is None else timeout.total_seconds()):
                while True:
                    info = await self.get(instance_id)
                    if info.status.is_terminal or info.status is Status.STALLED:
                        return info
                    await self._opened.waiters.wait(instance_id)
        except TimeoutError:
            raise TimeoutError(self._why_late(await self.get(instance_id))) from None

    async def raise_event(self, instance_id: str, name: str, payload: str) -> None:
        """Deliver an event."""
        await self._opened.commits.perform(
            lambda tx: lifecycle.raise_event(tx, instance_id, name=name, payload=payload)
        )

    async def terminate(self, instance_id: str, *, reason: str) -> None:
        """End an instance by force; should its owner be slow, return as soon as it must end."""
        await self._opened.commits.perform(
            lambda tx: lifecycle.terminate(tx, instance_id, reason=reason)
        )
        try:
            await self.wait(instance_id, timeout=timedelta(seconds=_TERMINATION_SECONDS))
        except TimeoutError:
            return

    async def purge(self, instance_id: str) -> None:
        """Delete a finished instance."""
        await self._opened.commits.perform(lambda tx: lifecycle.purge(tx, instance_id))

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance."""
        await self._opened.commits.perform(
            lambda tx: lifecycle.suspend(tx, instance_id, reason=reason)
        )

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold."""
        await self._opened.commits.perform(
            lambda tx: lifecycle.resume(tx, instance_id, reason=reason)
        )

    async def restart(self, instance_id: str, *, from_command: int | None) -> InstanceInfo:
        """Run a finished instance again."""
        run_id = new_run_id()
        return await self._opened.commits.perform(
            lambda tx: revival.restart(tx, instance_id, run_id=run_id, from_command=from_command)
        )

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page of instances."""
        return self._opened.store.read(
            lambda file: reads.query(file, filter, page_size=page_size, token=token)
        )

    async def history(
        self, instance_id: str, *, run_id: str | None = None
    ) -> Sequence[HistoryEvent]:
        """Return the journal of a run."""
        return self._opened.store.read(lambda file: reads.history(file, instance_id, run_id=run_id))

    async def health(self) -> Health:
        """Probe the file."""
        try:
            await self._opened.commits.perform(lambda tx: None)
        except BackendUnavailableError as error:
            return Health(is_healthy=False, detail=str(error))
        return Health(is_healthy=True, detail=f"{self._location.path} can be written")

    @property
    def _opened(self) -> Engine:
        if self._engine is None:
            raise BackendUnavailableError(backend=self.name, problem="it is not open")
        return self._engine

    def _why_late(self, info: InstanceInfo) -> str:
        late = f"workflow instance {info.instance_id!r} is still {info.status.value}"
        if self._opened.store.read(lambda file: is_known_to_a_worker(file, info.name)):
            return late
        return f"{late}, and no running worker knows the workflow {info.name!r}"
