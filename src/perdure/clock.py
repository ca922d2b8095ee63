"""Clocks: what time it is, and being woken at an instant. The only reader of the system's clocks.

Instants are whole microseconds since 1970 UTC. A clock wakes durable deadlines only; housekeeping
(polls, back-off, activity timeouts) runs on real time and belongs to the event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_NAP_SECONDS = 1.0


class Alarm(Protocol):
    """A wake-up that was asked for."""

    def cancel(self) -> None:
        """Call it off. Does nothing once it has rung; may be called twice."""


class Clock(Protocol):
    """Time as perdure sees it."""

    def now_us(self) -> int:
        """Return the present instant. Never goes back. Safe to call from any thread."""

    def call_at(self, deadline_us: int, callback: Callable[[], object]) -> Alarm:
        """Call ``callback`` once, soon after ``deadline_us``, on the event loop that runs now.

        It is never called before this returns.
        """


class SystemClock:
    """The wall clock, made to move forward only.

    It takes the wall's time at first and then follows the monotonic clock, so setting the wall back
    changes nothing. When the wall is ahead (it was set forward, or the machine slept), the next
    reading adopts the wall's time.
    """

    def __init__(self) -> None:
        self._ahead_us = _lead_us()
        self._lock = threading.Lock()

    def now_us(self) -> int:
        """Return the present instant."""
        ahead_us = _lead_us()
        if ahead_us > self._ahead_us:
            # Two threads may get here at once; the smaller lead must not win.
            with self._lock:
                self._ahead_us = max(self._ahead_us, ahead_us)
        return _monotonic_us() + self._ahead_us

    def call_at(self, deadline_us: int, callback: Callable[[], object]) -> Alarm:
        """Call ``callback`` once ``deadline_us`` has come; looks again at least each second."""
        return _SystemAlarm(self, deadline_us, callback)


class _SystemAlarm:
    """Sleeps in short naps, because the loop's own timers stand still while the machine sleeps."""

    def __init__(
        self, clock: SystemClock, deadline_us: int, callback: Callable[[], object]
    ) -> None:
        self._clock = clock
        self._deadline_us = deadline_us
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle = self._nap()

    def cancel(self) -> None:
        self._handle.cancel()

    def _nap(self) -> asyncio.TimerHandle:
        seconds = (self._deadline_us - self._clock.now_us()) / 1_000_000
        return self._loop.call_later(min(max(seconds, 0.0), _MAX_NAP_SECONDS), self._wake)

    def _wake(self) -> None:
        if self._clock.now_us() >= self._deadline_us:
            self._callback()
        else:
            self._handle = self._nap()


def to_us(instant: datetime) -> int:
    """Return ``instant`` in microseconds since 1970 UTC.

    Raises:
        ValueError: If it has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone; use datetime.now(UTC) or give it a tzinfo")
    return (instant - _EPOCH) // _MICROSECOND


def from_us(instant_us: int) -> datetime:
    """Return the aware UTC datetime of ``instant_us``."""
    return _EPOCH + timedelta(microseconds=instant_us)


def _lead_us() -> int:
    # The wall first: a pause between the two readings then makes the lead too small, which the next
    # reading puts right. The other way round it would be too large, and stay so.
    wall_us = time.time_ns() // 1_000
    return wall_us - _monotonic_us()


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1_000
