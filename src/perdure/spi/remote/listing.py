"""Listing: pages of instances, newest first, where the server knows no such order."""

from __future__ import annotations

import abc
import secrets
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from perdure.spi.values import InstancePage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.values import InstanceFilter
    from perdure.types import InstanceInfo

_KEPT_LISTINGS: Final = 16
_KEPT_SECONDS: Final = 300.0


class Lister(abc.ABC):
    """Lists instances page by page.

    The ids that match are found once, for the first page, and kept for the following ones. A page
    shows its instances as they are when it is asked for; what was purged meanwhile is left out.
    """

    def __init__(self) -> None:
        self._listings: OrderedDict[str, tuple[float, Sequence[str]]] = OrderedDict()

    @abc.abstractmethod
    async def find_all(self, filter: InstanceFilter) -> Sequence[InstanceInfo]:
        """Return the instances that may match, in any order; more than those do no harm."""

    @abc.abstractmethod
    async def find_these(self, ids: Sequence[str]) -> Sequence[InstanceInfo]:
        """Return the instances of these ids that are there, in the order of the ids."""

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
            found = [info for info in await self.find_all(filter) if filter.matches(info)]
            found.sort(key=lambda info: (info.created_at, info.instance_id), reverse=True)
            rest = [info.instance_id for info in found[page_size:]]
            return InstancePage(items=tuple(found[:page_size]), next_token=self._keep(rest))
        ids = self._take(token)
        page = await self.find_these(ids[:page_size])
        items = tuple(info for info in page if filter.matches(info))
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
