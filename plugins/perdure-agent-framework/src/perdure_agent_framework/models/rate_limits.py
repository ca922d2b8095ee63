"""Rate limits: how much of a model the agents of one worker process use together.

A model is a class of clients, a URL and a name: agents with a client each, and fallbacks, share its
limit. Calls wait in the activity, so that only calls that may begin are counted as begun. They are
let through in the order in which they came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from perdure.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from agent_framework import BaseChatClient

    from perdure.clock import Clock
    from perdure_agent_framework.catalogue import Catalogue
    from perdure_agent_framework.policies import RateLimit

_MINUTE_US = 60_000_000

_Model: TypeAlias = tuple[str, str, str]


class Slot:
    """Leave to call a model once."""

    def __init__(self) -> None:
        self.tokens = 0

    def used(self, tokens: int) -> None:
        """Say how many tokens the call used."""
        self.tokens = tokens


class RateLimiter:
    """Lets calls of one model begin, as their limits allow, on one event loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        # Whoever has it is the next to begin; the others wait for it in the order they came.
        self._turn = asyncio.Lock()
        self._begun: deque[int] = deque()
        self._used: deque[tuple[int, int]] = deque()
        self._running = 0
        self._one_ended = asyncio.Event()

    @asynccontextmanager
    async def slot(self, limit: RateLimit) -> AsyncGenerator[Slot, None]:
        """Wait until a call may begin; it runs until the end of the ``async with``."""
        async with self._turn:
            await self._may_begin(limit)
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

    def is_idle(self) -> bool:
        """Return whether a new one would do as well: nothing runs, or did within the minute."""
        self._forget()
        return not (self._turn.locked() or self._running or self._begun or self._used)

    async def _may_begin(self, limit: RateLimit) -> None:
        while True:
            if limit.concurrency is not None and self._running >= limit.concurrency:
                self._one_ended.clear()
                await self._one_ended.wait()
            elif (instant_us := self._free_at(limit)) is not None:
                await self._sleep_until(instant_us)
            else:
                return

    def _free_at(self, limit: RateLimit) -> int | None:
        """Return when the minute allows another call; ``None`` if it does now."""
        self._forget()
        requests, tokens = limit.requests_per_minute, limit.tokens_per_minute
        if requests is not None and len(self._begun) >= requests:
            return self._begun[-requests] + _MINUTE_US
        if tokens is not None and sum(used for _, used in self._used) >= tokens:
            return self._used[0][0] + _MINUTE_US
        return None

    def _forget(self) -> None:
        """Forget what was more than a minute ago."""
        gone_us = self._clock.now_us() - _MINUTE_US
        while self._begun and self._begun[0] <= gone_us:
            self._begun.popleft()
        while self._used and self._used[0][0] <= gone_us:
            self._used.popleft()

    async def _sleep_until(self, instant_us: int) -> None:
        rung = asyncio.Event()
        alarm = self._clock.call_at(instant_us, rung.set)
        try:
            await rung.wait()
        finally:
            alarm.cancel()


# A limiter knows its loop, so weak keys would never be let go.
_limiters: dict[asyncio.AbstractEventLoop, dict[_Model, RateLimiter]] = {}


@asynccontextmanager
async def slot_of(
    catalogue: Catalogue, key: str, options: Mapping[str, Any]
) -> AsyncGenerator[Slot, None]:
    """Wait until the limit of a model allows a call, with these options."""
    model = _model(catalogue.models[key], options.get("model"))
    limit = _limit(catalogue, key, model)
    if limit is None:
        yield Slot()
        return
    async with _limiter(model).slot(limit) as slot:
        yield slot


def _limit(catalogue: Catalogue, key: str, model: _Model) -> RateLimit | None:
    """Return what is declared of the model under its key, else under another that it has."""
    others = (other for other, client in catalogue.models.items() if _model(client) == model)
    declared = (catalogue.policies.of_model(known).rate_limit for known in (key, *others))
    return next((limit for limit in declared if limit is not None), None)


def _model(client: BaseChatClient[Any], name: str | None = None) -> _Model:
    kind = type(client)  # one that was taken over has the names of the class that it was of
    name = name or getattr(client, "model", None)
    return f"{kind.__module__}.{kind.__qualname__}", str(client.service_url()), str(name)


def _limiter(model: _Model) -> RateLimiter:
    # A worker has one event loop; a second worker in the process counts on its own.
    loop = asyncio.get_running_loop()
    if loop not in _limiters:
        for gone in [known for known in tuple(_limiters) if known.is_closed()]:
            _limiters.pop(gone, None)
    here = _limiters.setdefault(loop, {})
    if model not in here:
        for idle in [known for known, limiter in here.items() if limiter.is_idle()]:
            del here[idle]
        here[model] = RateLimiter()
    return here[model]
