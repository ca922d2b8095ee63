"""A hub: what its finished instances come to in actions, read through perdure's client."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.clock import to_us
from perdure.errors import (
    BackendUnavailableError,
    CapabilityNotSupportedError,
    InstanceNotFoundError,
    PerdureError,
)
from perdure.types import Status
from perdure_bench.billing.actions import Actions, total
from perdure_bench.billing.meter import count_actions
from perdure_bench.cost.usage import SECONDS_PER_MONTH

if TYPE_CHECKING:
    from datetime import datetime

    import perdure
    from perdure.types import InstanceInfo

_FINISHED = tuple(status for status in Status if status.is_terminal)
_PAGE = 100
_AT_ONCE = 16
_LATER = timedelta(seconds=5)
"""A run that began so long after its instance was made follows another, or was delayed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of a hub.

    Attributes:
        instances: How many finished instances were counted.
        actions: What their journals come to.
        first: When the first of them was made.
        last: When the last of them ended.
        has_more: Whether there are more than were asked for.
        unreadable: How many have no history that can be read; they are not counted.
        later_runs: How many may have had runs before, of which there is no journal any more.
    """

    instances: int
    actions: Actions
    first: datetime | None
    last: datetime | None
    has_more: bool
    unreadable: int
    later_runs: int

    @property
    def seconds(self) -> float:
        """How long it took from the first start to the last end."""
        if self.first is None or self.last is None:
            return 0.0
        return (self.last - self.first).total_seconds()

    @property
    def instances_per_month(self) -> float | None:
        """How many a month it comes to at that rate; ``None`` where there is no period."""
        return self.instances / self.seconds * SECONDS_PER_MONTH if self.seconds > 0 else None


async def read_hub(
    client: perdure.Client,
    *,
    limit: int,
    since: datetime | timedelta | None = None,
    name: str | None = None,
) -> Reading:
    """Read the newest finished instances of a hub.

    Args:
        client: Of the hub.
        limit: How many at most; 0 for all.
        since: Made at this instant or later.
        name: Of this workflow.

    Raises:
        BackendUnavailableError: The backend cannot be reached.
        CapabilityNotSupportedError: The backend cannot list, or has no history.
    """
    found = client.list(page_size=_PAGE, status=_FINISHED, since=since, name=name)
    tally = _Tally()
    has_more = False
    page: list[InstanceInfo] = []
    async for info in found:
        if limit and tally.seen + len(page) >= limit:
            has_more = True
            break
        page.append(info)
        if len(page) == _PAGE:
            await tally.take(client, page)
            page = []
    await tally.take(client, page)
    return tally.reading(has_more=has_more)


class _Tally:
    """What was counted so far."""

    def __init__(self) -> None:
        self.seen = 0
        self._counted: list[Actions] = []
        self._first: list[datetime] = []
        self._last: list[datetime] = []
        self._later_runs = 0

    async def take(self, client: perdure.Client, infos: list[InstanceInfo]) -> None:
        """Count some instances."""
        self.seen += len(infos)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(info: InstanceInfo) -> None:
            async with places:
                await self._take_one(client, info)

        await asyncio.gather(*map(one, infos))

    def reading(self, *, has_more: bool) -> Reading:
        """Return all of it."""
        return Reading(
            instances=len(self._counted),
            actions=total(self._counted),
            first=min(self._first, default=None),
            last=max(self._last, default=None),
            has_more=has_more,
            unreadable=self.seen - len(self._counted),
            later_runs=self._later_runs,
        )

    async def _take_one(self, client: perdure.Client, info: InstanceInfo) -> None:
        try:
            journal = await client.get(None, info.instance_id).history()
        except InstanceNotFoundError:
            self.seen -= 1  # purged meanwhile
            return
        except (BackendUnavailableError, CapabilityNotSupportedError):
            raise
        except PerdureError:
            return
        self._counted.append(count_actions(journal))
        self._first.append(info.created_at)
        self._last.append(info.finished_at or info.updated_at)
        began_us = journal[0].at_us if journal else 0
        made_us = to_us(info.created_at)
        self._later_runs += (began_us - made_us) > _LATER // timedelta(microseconds=1)
