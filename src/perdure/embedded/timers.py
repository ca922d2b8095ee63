"""Durable deadlines of the loaded instances: one heap, one alarm for its earliest entry."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.clock import Alarm, Clock
    from perdure.embedded.live import LiveInstance

_FEW = 100
"""Entries of unloaded instances that are not worth a sweep of the heap."""


class Timers:
    """Calls ``on_due`` with each instance that has a timer due."""

    def __init__(self, clock: Clock, on_due: Callable[[LiveInstance], None]) -> None:
        self._clock = clock
        self._on_due = on_due
        self._heap: list[tuple[int, int, LiveInstance]] = []
        self._pushed = 0
        self._stale = 0
        self._alarm: Alarm | None = None
        self._alarm_us: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether something waits for an instant that has come."""
        return self._alarm_us is not None and self._alarm_us <= self._clock.now_us()

    def watch(self, live: LiveInstance) -> None:
        """See to it that ``live`` is heard of no later than its next deadline.

        An earlier alarm that it has already is left: when it rings, the deadline is looked at
        anew. So a deadline that moves further away with each step costs nothing.
        """
        deadline_us = live.runner.next_deadline_us()
        if deadline_us is None or (live.alarm_us is not None and live.alarm_us <= deadline_us):
            return
        live.alarm_us = deadline_us
        self._pushed += 1
        heapq.heappush(self._heap, (deadline_us, self._pushed, live))
        self._arm()

    def forget(self, live: LiveInstance) -> None:
        """Hold on to ``live`` no longer than need be: it is unloaded."""
        if live.alarm_us is None:
            return
        live.alarm_us = None
        self._stale += 1
        if self._stale > _FEW and self._stale * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if not _is_stale(entry)]
            heapq.heapify(self._heap)
            self._stale = 0

    def close(self) -> None:
        """Ring no more."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._alarm_us = None
        self._heap.clear()

    def _arm(self) -> None:
        heap = self._heap
        while heap and _is_stale(heap[0]):
            heapq.heappop(heap)
            self._stale = max(self._stale - 1, 0)
        earliest_us = heap[0][0] if heap else None
        if earliest_us == self._alarm_us:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_us = earliest_us
        self._alarm = None if earliest_us is None else self._clock.call_at(earliest_us, self._ring)

    def _ring(self) -> None:
        self._alarm = self._alarm_us = None
        now_us = self._clock.now_us()
        heap = self._heap
        while heap and heap[0][0] <= now_us:
            entry = heapq.heappop(heap)
            if _is_stale(entry):
                continue
            live = entry[2]
            live.alarm_us = None
            deadline_us = live.runner.next_deadline_us()
            if deadline_us is not None and deadline_us <= now_us:
                self._on_due(live)
            else:
                self.watch(live)
        self._arm()


def _is_stale(entry: tuple[int, int, LiveInstance]) -> bool:
    live = entry[2]
    return live.is_gone or live.alarm_us != entry[0]
