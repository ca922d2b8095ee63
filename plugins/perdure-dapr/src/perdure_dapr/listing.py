"""Listing: instances by what is known of them. Dapr lists ids alone, so each is looked up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from perdure.spi.remote.listing import Lister
from perdure_dapr.faults import TornReadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.values import InstanceFilter
    from perdure.types import InstanceInfo
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.starting import Starter

_AT_ONCE: Final = 32


class DaprLister(Lister):
    """Lists instances; what is damaged is shown with an unknown status."""

    def __init__(self, sidecar: Sidecar, starter: Starter) -> None:
        super().__init__()
        self._sidecar = sidecar
        self._starter = starter

    async def find_all(self, filter: InstanceFilter) -> Sequence[InstanceInfo]:
        """Look up those whose ids begin as asked for."""
        prefix = filter.id_prefix or ""
        ids = await self._sidecar.instance_ids()
        return await self.find_these([each for each in ids if each.startswith(prefix)])

    async def find_these(self, ids: Sequence[str]) -> Sequence[InstanceInfo]:
        """Look up these."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def look(instance_id: str) -> InstanceInfo | None:
            async with places:
                try:
                    return await self._starter.find(instance_id)
                except TornReadError as error:
                    return self._starter.damaged(instance_id, str(error))

        found = await asyncio.gather(*map(look, ids))
        return [info for info in found if info is not None]
