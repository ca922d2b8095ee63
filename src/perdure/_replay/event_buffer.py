"""Events of one instance.

Kept from arrival to consumption, first in first out per name, consumed once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from perdure.spi.history import BufferedEvent

if TYPE_CHECKING:
    from perdure._replay.futures import WorkflowFuture
    from perdure._replay.loop import WorkflowLoop


class EventBuffer:
    """Events that nobody has taken yet, and waits that nothing has come for yet."""

    def __init__(self, loop: WorkflowLoop) -> None:
        self._loop = loop
        self._arrivals = 0
        self._events: dict[str, deque[tuple[int, str]]] = {}
        self._waits: dict[str, deque[WorkflowFuture]] = {}

    def put(self, name: str, payload: str) -> None:
        """Give an event to the longest wait for its name, or keep it."""
        self._arrivals += 1
        self._offer(name, (self._arrivals, payload), at_front=False)

    async def take(self, name: str) -> str:
        """Return the payload of the next event of ``name``, as soon as there is one."""
        kept = self._events.get(name)
        if kept and not self._loop.is_tearing_down:
            payload = kept.popleft()[1]
            if not kept:
                del self._events[name]
            return payload
        future = self._loop.create_future()
        waits = self._waits.setdefault(name, deque())
        waits.append(future)
        try:
            arrival: tuple[int, str] = await future
            return arrival[1]
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                # The event came in the same instant in which the wait was given up: it was not
                # consumed.
                self._offer(name, future.result(), at_front=True)
            raise
        finally:
            waits.remove(future)
            if not waits:
                del self._waits[name]

    def _offer(self, name: str, arrival: tuple[int, str], *, at_front: bool) -> None:
        waits = self._waits.get(name, ())
        for future in waits:
            if not future.done():
                future.set_result(arrival)
                return
        kept = self._events.setdefault(name, deque())
        if at_front:
            kept.appendleft(arrival)
        else:
            kept.append(arrival)

    def open_waits(self) -> list[str]:
        """Return the names that are waited for, sorted."""
        return sorted(
            name
            for name, waits in self._waits.items()
            if any(not future.done() for future in waits)
        )

    def unconsumed(self) -> tuple[BufferedEvent, ...]:
        """Return the events kept, in order of arrival."""
        kept = sorted(
            (number, name, payload)
            for name, events in self._events.items()
            for number, payload in events
        )
        return tuple(BufferedEvent(name=name, payload=payload) for _, name, payload in kept)
