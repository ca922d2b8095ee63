"""The server, as the parts that remote backends share see it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceNotFoundError
from perdure.spi.bridge import WAKE_EVENT, encode_event, to_text
from perdure.types import Status
from perdure_azure.history import vendor_events
from perdure_azure.mapping import vendor_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from perdure.spi.bridge import StartEnvelope, VendorEvent
    from perdure.spi.remote import VendorState
    from perdure.spi.values import StartRequest
    from perdure.types import InstanceInfo
    from perdure_azure.scheduler import Scheduler
    from perdure_azure.starting import Starter

_WAKE: Final = to_text(encode_event(WAKE_EVENT, "null"))
_UNFINISHED: Final = (Status.PENDING, Status.RUNNING, Status.SUSPENDED)

# What is asked for by a message is done once a worker has taken it.
_TAKEN_SECONDS: Final = 2.0
_FIRST_LOOK_SECONDS: Final = 0.005
_LONGEST_LOOK_SECONDS: Final = 0.2


class AzureServer:
    """See :class:`perdure.spi.remote.RemoteServer`."""

    def __init__(self, scheduler: Scheduler, starter: Starter) -> None:
        self._scheduler = scheduler
        self._starter = starter

    async def state(self, instance_id: str) -> VendorState | None:
        """Return what is told of an instance."""
        state = await self._scheduler.state(instance_id)
        return None if state is None else vendor_state(state)

    async def find(self, instance_id: str) -> InstanceInfo | None:
        """Return what clients are shown of an instance."""
        return await self._starter.find(instance_id)

    async def events(self, instance_id: str) -> list[VendorEvent]:
        """Return the history of the current run."""
        return vendor_events(await self._scheduler.events(instance_id), instance_id=instance_id)

    async def begin(self, request: StartRequest, start: StartEnvelope) -> InstanceInfo:
        """Start an instance with this input."""
        return await self._starter.begin(request, start)

    async def raise_event(self, instance_id: str, *, text: str) -> None:
        """Put an event on perdure's channel of an instance."""
        await self._scheduler.raise_event(instance_id, text=text)

    async def terminate(self, instance_id: str, *, text: str) -> None:
        """End an instance, and nobody else; soon, where a worker is there."""
        await self._scheduler.terminate(instance_id, text=text)
        await self._until(instance_id, lambda state: state.status.is_terminal)

    async def suspend(self, instance_id: str, *, reason: str) -> None:
        """Hold an instance; soon, where a worker is there."""
        await self._scheduler.suspend(instance_id, reason=reason)
        await self._until(instance_id, lambda state: state.status is not Status.RUNNING)

    async def resume(self, instance_id: str, *, reason: str) -> None:
        """Lift a hold; soon, where a worker is there."""
        await self._scheduler.resume(instance_id, reason=reason)
        await self._until(instance_id, lambda state: state.status is not Status.SUSPENDED)

    async def wake(self, instance_id: str) -> bool:
        """Have a worker look at an instance, which its workflow does not see."""
        try:
            await self._scheduler.raise_event(instance_id, text=_WAKE)
        except InstanceNotFoundError:
            return False
        return True

    async def unfinished(self) -> AsyncIterator[str]:
        """Return the ids of instances that have not ended."""
        async for instance_id in self._scheduler.instance_ids(_UNFINISHED):
            yield instance_id

    async def _until(self, instance_id: str, has_happened: Callable[[VendorState], bool]) -> None:
        """Wait for a moment until a worker has done what was asked for; it is durable anyway."""
        give_up_at = time.monotonic() + _TAKEN_SECONDS
        pause = _FIRST_LOOK_SECONDS
        while time.monotonic() < give_up_at:
            state = await self.state(instance_id)
            if state is None or has_happened(state):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_LOOK_SECONDS)
