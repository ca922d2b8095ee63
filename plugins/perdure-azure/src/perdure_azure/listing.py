"""Listing: instances by what is known of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from perdure.clock import from_us
from perdure.spi.remote import instance_info
from perdure.spi.remote.listing import Lister
from perdure_azure.mapping import vendor_state

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.clock import Clock
    from perdure.spi.values import InstanceFilter
    from perdure.types import InstanceInfo
    from perdure_azure.scheduler import Scheduler

_AT_ONCE: Final = 32


class AzureLister(Lister):
    """Lists instances. In which order the scheduler's own pages come is not documented.

    What Microsoft's SDKs have stored elsewhere is not fetched: one lost blob would hide all.
    """

    def __init__(self, scheduler: Scheduler, *, clock: Clock) -> None:
        super().__init__()
        self._scheduler = scheduler
        self._clock = clock

    async def find_all(self, filter: InstanceFilter) -> Sequence[InstanceInfo]:
        """Ask for those whose status and id may match."""
        now = from_us(self._clock.now_us())
        # A page that was read while instances came and went may repeat one.
        found: dict[str, InstanceInfo] = {}
        async for state in self._scheduler.states(filter):
            found[state.instanceId] = instance_info(vendor_state(state), now=now)
        return list(found.values())

    async def find_these(self, ids: Sequence[str]) -> Sequence[InstanceInfo]:
        """Look up these."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def look(instance_id: str) -> InstanceInfo | None:
            async with places:
                state = await self._scheduler.state(instance_id, is_whole=False)
            if state is None:
                return None
            return instance_info(vendor_state(state), now=from_us(self._clock.now_us()))

        found = await asyncio.gather(*map(look, ids))
        return [info for info in found if info is not None]
