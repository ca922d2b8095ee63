"""Rate limits: how much of a model the agents of one worker process use together.

Calls wait in the activity, so that only calls that may begin are counted as begun. They are let
through in the order in which they came.
"""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from perdure.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.clock import Clock
    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.policies import RateLimit

_MINUTE_US = 60_000_000


class Slot:
    """Leave to call a model once."""

    def __init__(self) -> None:
        self.tokens = 0

    def used(self, tokens: int) -> None:
        """Say how many tokens the call used."""
        self.tokens = tokens


class RateLimiter:
    """Lets calls of one model begin, as its limit allows, on one event loop."""

    def __init__(self, limit: RateLimit, clock: Clock | None = None) -> None:
        self.limit = limit
        self._clock = clock or SystemClock()
        # Whoever has it is the next to begin; the others wait for it in the order they came.
        self._turn = asyncio.Lock()
        self._begun: deque[int] = deque()
        self._used: deque[tuple[int, int]] = deque()
        self._running = 0
        self._one_ended = asyncio.Event()

    @asynccontextmanager
    async def slot(self) -> AsyncGenerator[Slot, None]:
        """Wait until a call may begin; it runs until the end of the ``async with``."""
        async with self._turn:
            await self._may_begin()
            self._running += 1
            self._begun.append(self._clock.now_us())
        slot = Slot()
        try:
            yield slot
        finally:
            self._running -= 1
            self._one_ended.set()
            if slot.tokens:
                self._used.append((self._clock.now_us(), slot.tokens))

    async def _may_begin(self) -> None:
        limit = self.limit
        while True:
            if limit.concurrency is not None and self._running >= limit.concurrency:
                self._one_ended.clear()
                await self._one_ended.wait()
            elif (instant_us := self._free_at()) is not None:
                await self._sleep_until(instant_us)
            else:
                return

    def _free_at(self) -> int | None:
        """Return when the minute allows another call; ``None`` if it does now."""
        gone_us = self._clock.now_us() - _MINUTE_US
        while self._begun and self._begun[0] <= gone_us:
            self._begun.popleft()
        while self._used and self._used[0][0] <= gone_us:
            self._used.popleft()
        requests, tokens = self.limit.requests_per_minute, self.limit.tokens_per_minute
        if requests is not None and len(self._begun) >= requests:
            return self._begun[0] + _MINUTE_US
        if tokens is not None and sum(used for _, used in self._used) >= tokens:
            return self._used[0][0] + _MINUTE_US
        return None

    async def _sleep_until(self, instant_us: int) -> None:
        rung = asyncio.Event()
        alarm = self._clock.call_at(instant_us, rung.set)
        try:
            await rung.wait()
        finally:
            alarm.cancel()


_Loops = weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, RateLimiter]]
_limiters: weakref.WeakKeyDictionary[Catalogue, _Loops] = weakref.WeakKeyDictionary()


@asynccontextmanager
async def slot_of(catalogue: Catalogue, model: str) -> AsyncGenerator[Slot, None]:
    """Wait until the limit of a model allows a call."""
    limit = catalogue.policies.of_model(model).rate_limit
    if limit is None:
        yield Slot()
        return
    # A worker has one event loop; a second worker in the process counts on its own.
    loops = _limiters.setdefault(catalogue, weakref.WeakKeyDictionary())
    here = loops.setdefault(asyncio.get_running_loop(), {})
    limiter = here.get(model)
    if limiter is None or limiter.limit != limit:
        limiter = here[model] = RateLimiter(limit)
    async with limiter.slot() as slot:
        yield slot
