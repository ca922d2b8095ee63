"""The backend: what clients ask of a Dapr sidecar."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import BackendUnavailableError, PerdureError
from perdure.spi.backend import Health, check_active, check_finished
from perdure.spi.remote.backend import RemoteBackend
from perdure.state_folder import state_folder
from perdure.types import Status
from perdure_dapr import checks, faults
from perdure_dapr.faults import StalledError

if TYPE_CHECKING:
    from datetime import timedelta

    from perdure.clock import Clock
    from perdure.spi.backend import StartRequest
    from perdure.spi.program import Program
    from perdure.types import InstanceInfo
    from perdure_dapr.address import Address
    from perdure_dapr.parts import Parts
    from perdure_dapr.sidecar import Metadata
    from perdure_dapr.worker import DaprWorker

# An input of an activity that has 2 MiB on the wire is handed on for ever. A payload stands there
# as JSON text within JSON text, which at worst doubles it, beside what else an envelope holds.
PAYLOAD_LIMIT: Final = 1_000_000
_HELLO_SECONDS: Final = 5.0
_START_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.1
_HEALTH_SECONDS: Final = 2.5


class DaprBackend(RemoteBackend["Parts"]):
    """One app id of one Dapr runtime; see :class:`perdure.spi.Backend` for what it promises."""

    name = faults.NAME
    payload_limit = PAYLOAD_LIMIT

    def __init__(self, address: Address, *, clock: Clock) -> None:
        self._address = address
        self._clock = clock

    async def open(self) -> None:
        """Connect, and check that workflows can run on this sidecar."""
        from perdure_dapr.parts import Parts

        parts = Parts(self._address, clock=self._clock)
        parts.connection.open()
        try:
            await parts.sidecar.hello(seconds=_HELLO_SECONDS)
            metadata = await self._sound(parts)
            parts.use(metadata.app_id, errands_of=self)
        except BaseException:
            await parts.close()
            raise
        self.parts = parts
        if self._address.is_local:
            folder = state_folder() / "payloads" / self.name / metadata.app_id
            self.default_payloads = folder.as_uri()

    def worker(self, program: Program) -> DaprWorker:
        """Return a worker for ``program``."""
        from perdure_dapr.worker import DaprWorker

        return DaprWorker(self.opened, program)

    async def start(self, request: StartRequest) -> InstanceInfo:
        """Start an instance.

        Raises:
            InvalidNameError: Dapr keeps the name of the workflow for itself.
        """
        checks.check_names("workflow", [request.workflow])
        return await super().start(request)

    async def get(self, instance_id: str) -> InstanceInfo:
        """Return what is known of an instance."""
        info = await self.existing(instance_id)
        if info.reason is None and info.status in {Status.SUSPENDED, Status.STALLED}:
            return await self.opened.journals.with_reason(info)
        return info

    async def wait(self, instance_id: str, *, timeout: timedelta | None) -> InstanceInfo:
        """Return once the instance is terminal or stalled."""
        info = await super().wait(instance_id, timeout=timeout)
        if info.reason is None and info.status is Status.STALLED:
            return await self.opened.journals.with_reason(info)
        return info

    async def purge(self, instance_id: str) -> None:
        """Delete a finished instance."""
        check_finished(await self.existing(instance_id), action="purge")
        await self._perform(instance_id, self.opened.sidecar.purge, instance_id)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance."""
        info = await self.existing(instance_id)
        check_active(info, action="suspend")
        if info.status is not Status.SUSPENDED:
            await self._perform(
                instance_id,
                self.opened.sidecar.suspend,
                instance_id,
                reason=reason,
                sight="executionSuspended",
            )

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift the hold."""
        info = await self.existing(instance_id)
        check_active(info, action="resume")
        # One that has not begun may have been told to hold all the same.
        if info.status in {Status.SUSPENDED, Status.PENDING}:
            await self._perform(
                instance_id,
                self.opened.sidecar.resume,
                instance_id,
                reason=reason,
                sight="executionResumed",
            )

    async def health(self) -> Health:
        """Probe the sidecar."""
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                metadata = await self.opened.sidecar.metadata(
                    seconds=_HEALTH_SECONDS, patience_seconds=0
                )
                checks.check(metadata, self._address)
        except (PerdureError, TimeoutError) as error:
            return Health(is_healthy=False, detail=str(error) or "no answer in time")
        return Health(is_healthy=True, detail=self._describe(metadata))

    def _describe(self, metadata: Metadata) -> str:
        workers = metadata.connected_workers
        return (
            f"Dapr {metadata.version} at {self._address.target}, app {metadata.app_id!r}, "
            f"{workers} worker{'' if workers == 1 else 's'} connected"
        )

    async def _sound(self, parts: Parts) -> Metadata:
        """Return the sidecar's metadata once it is fit; one that just started may need a moment.

        Raises:
            BackendUnavailableError: It lacks something.
            ConfigurationError: It has another app id.
        """
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            metadata = await parts.sidecar.metadata(seconds=_HELLO_SECONDS)
            try:
                checks.check(metadata, self._address)
            except BackendUnavailableError:
                if time.monotonic() > give_up_at:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return metadata

    async def _perform(
        self,
        instance_id: str,
        method: Any,  # a coroutine method of the sidecar
        *args: Any,
        sight: str | None = None,
        **options: Any,
    ) -> None:
        def is_told(event: Any) -> bool:
            return bool(event.HasField(sight))

        try:
            await self.opened.hosting.perform(
                instance_id,
                functools.partial(method, *args, **options),
                sight=None if sight is None else is_told,
            )
        except StalledError as error:
            raise await self.opened.journals.stalled(instance_id) from error
