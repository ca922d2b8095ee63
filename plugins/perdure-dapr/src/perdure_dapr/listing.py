"""Listing: instances by what is known of them. Dapr lists ids alone, so each is looked up."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from perdure.spi.values import InstancePage
from perdure_dapr.faults import TornReadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.values import InstanceFilter
    from perdure.types import InstanceInfo
    from perdure_dapr.sidecar import Sidecar
    from perdure_dapr.starting import Starter

_AT_ONCE: Final = 32
_KEPT_LISTINGS: Final = 16
_KEPT_SECONDS: Final = 300.0
_TORN_SECONDS: Final = 0.3


class Lister:
    """Lists instances page by page.

    The ids that match are found once, for the first page, and kept for the following ones. A page
    shows its instances as they are when it is asked for; what was purged meanwhile is left out, and
    what is damaged is shown with an unknown status.
    """

    def __init__(self, sidecar: Sidecar, starter: Starter) -> None:
        self._sidecar = sidecar
        self._starter = starter
        self._listings: OrderedDict[str, tuple[float, Sequence[str]]] = OrderedDict()

    async def query(
        self, filter: InstanceFilter, *, page_size: int, token: str | None
    ) -> InstancePage:
        """Return one page, newest first.

        Raises:
            ValueError: The token is none of ours, or too old; or ``page_size`` is not positive.
        """
        if page_size < 1:
            raise ValueError(f"page_size must be positive, got {page_size}")
        if token is None:
            found = await self._matching(filter, await self._sidecar.instance_ids())
            found.sort(key=lambda info: (info.created_at, info.instance_id), reverse=True)
            items = tuple(found[:page_size])
            rest = [info.instance_id for info in found[page_size:]]
            return InstancePage(items=items, next_token=self._keep(rest))
        ids = self._take(token)
        items = tuple(await self._matching(filter, ids[:page_size]))
        return InstancePage(items=items, next_token=self._keep(ids[page_size:]))

    def _keep(self, ids: Sequence[str]) -> str | None:
        if not ids:
            return None
        now = time.monotonic()
        while self._listings:
            oldest, (kept_at, _) = next(iter(self._listings.items()))
            if len(self._listings) < _KEPT_LISTINGS and now - kept_at < _KEPT_SECONDS:
                break
            del self._listings[oldest]
        token = secrets.token_urlsafe(12)
        self._listings[token] = (now, ids)
        return token

    def _take(self, token: str) -> Sequence[str]:
        # It stays: a page may be asked for again.
        try:
            return self._listings[token][1]
        except KeyError:
            raise ValueError(
                f"the page token {token!r} is none of this backend's, or too old; list again"
            ) from None

    async def _matching(self, filter: InstanceFilter, ids: Sequence[str]) -> list[InstanceInfo]:
        prefix = filter.id_prefix or ""
        places = asyncio.Semaphore(_AT_ONCE)

        async def look(instance_id: str) -> InstanceInfo | None:
            async with places:
                try:
                    return await self._starter.find(instance_id, patience_seconds=_TORN_SECONDS)
                except TornReadError as error:
                    return self._starter.damaged(instance_id, str(error))

        found = await asyncio.gather(*(look(each) for each in ids if each.startswith(prefix)))
        return [info for info in found if info is not None and matches(info, filter)]


def matches(info: InstanceInfo, filter: InstanceFilter) -> bool:
    """Return whether an instance is one that the filter asks for."""
    ended_before = filter.finished_before
    return (
        (not filter.statuses or info.status in filter.statuses)
        and (filter.name is None or info.name == filter.name)
        and (filter.id_prefix is None or info.instance_id.startswith(filter.id_prefix))
        and (filter.since is None or info.created_at >= filter.since)
        and (filter.until is None or info.created_at <= filter.until)
        and (ended_before is None or (info.finished_at or ended_before) < ended_before)
        and all(info.tags.get(name) == value for name, value in filter.tags.items())
    )
