"""The server, as the parts that remote backends share see it: a sidecar, and whoever hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure_dapr.faults import StalledError
from perdure_dapr.history import vendor_events
from perdure_dapr.mapping import vendor_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from perdure.spi.bridge import StartEnvelope, VendorEvent
    from perdure.spi.remote import VendorState
    from perdure.spi.values import StartRequest
    from perdure.types import InstanceInfo
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.journals import Journals
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.starting import Starter
    from perdure_dapr.waking import Waker


class DaprServer:
    """See :class:`perdure.spi.remote.RemoteServer`."""

    def __init__(
        self,
        sidecar: Sidecar,
        hosting: Hosting,
        starter: Starter,
        journals: Journals,
        waker: Waker,
    ) -> None:
        self._sidecar = sidecar
        self._hosting = hosting
        self._starter = starter
        self._journals = journals
        self._waker = waker

    async def state(self, instance_id: str) -> VendorState | None:
        """Return what is told of an instance."""
        state = await self._sidecar.state(instance_id)
        return None if state is None else vendor_state(state)

    async def find(self, instance_id: str) -> InstanceInfo | None:
        """Return what clients are shown of an instance."""
        return await self._starter.find(instance_id)

    async def events(self, instance_id: str) -> list[VendorEvent]:
        """Return the history of the current run."""
        return vendor_events(await self._sidecar.events(instance_id), instance_id=instance_id)

    async def begin(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo:
        """Start an instance with this input."""
        return await self._starter.begin(request, start)

    async def raise_event(self, instance_id: str, *, text: str) -> None:
        """Put an event on perdure's channel of an instance."""
        try:
            await self._hosting.perform(
                instance_id,
                lambda: self._sidecar.raise_event(instance_id, text=text),
                patience_seconds=0,
            )
        except StalledError as error:
            raise await self._journals.stalled(instance_id) from error

    async def terminate(self, instance_id: str, *, text: str) -> None:
        """End an instance, and nobody else."""

        def is_told(event: Any) -> bool:
            return bool(event.HasField("executionTerminated"))

        try:
            await self._hosting.perform(
                instance_id,
                lambda: self._sidecar.terminate(instance_id, text=text),
                sight=is_told,
            )
        except StalledError as error:
            raise await self._journals.stalled(instance_id) from error

    async def wake(self, instance_id: str) -> bool:
        """Have a worker look at an instance."""
        return await self._waker.wake(instance_id)

    async def unfinished(self) -> AsyncIterator[str]:
        """Return all ids: Dapr lists no others."""
        for instance_id in await self._sidecar.instance_ids():
            yield instance_id
