"""A clock that stands still until a test moves it."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perdure.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.clock import Alarm

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """A :class:`perdure.clock.Clock` moved by hand, on the loop that its alarms belong to."""

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self._now_us = to_us(start)
        self._alarms: list[_ManualAlarm] = []
        self._created = 0

    @property
    def now(self) -> datetime:
        """The instant it shows."""
        return from_us(self._now_us)

    def now_us(self) -> int:
        """Return the instant it shows, in microseconds since 1970 UTC."""
        return self._now_us

    def call_at(self, deadline_us: int, callback: Callable[[], object]) -> Alarm:
        """Call ``callback`` when the clock is moved to ``deadline_us`` or beyond.

        One that is due already rings in the next round of the event loop.
        """
        self._created += 1
        alarm = _ManualAlarm(deadline_us, self._created, callback)
        if deadline_us <= self._now_us:
            asyncio.get_running_loop().call_soon(alarm.ring)
        else:
            heapq.heappush(self._alarms, alarm)
        return alarm

    def next_deadline_us(self) -> int | None:
        """Return the earliest instant that something waits for, or ``None``."""
        while self._alarms and not self._alarms[0].is_armed:
            heapq.heappop(self._alarms)
        return self._alarms[0].deadline_us if self._alarms else None

    def move_to(self, instant_us: int) -> None:
        """Show ``instant_us``, and ring what is due by then, earliest first.

        Raises:
            ValueError: If that would go back.
        """
        if instant_us < self._now_us:
            raise ValueError(f"a clock cannot go back from {self.now} to {from_us(instant_us)}")
        self._now_us = instant_us
        while self._alarms and self._alarms[0].deadline_us <= instant_us:
            heapq.heappop(self._alarms).ring()


class _ManualAlarm:
    def __init__(self, deadline_us: int, order: int, callback: Callable[[], object]) -> None:
        self.deadline_us = deadline_us
        self._order = order
        self._callback: Callable[[], object] | None = callback

    def __lt__(self, other: _ManualAlarm) -> bool:
        return (self.deadline_us, self._order) < (other.deadline_us, other._order)

    @property
    def is_armed(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def ring(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()
