"""How many timers a run has had, by those that its workflow asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.history import TimerFired

if TYPE_CHECKING:
    from perdure.spi.history import HistoryEvent

_OVERDUE_US = 5_000_000
"""After so long perdure takes an armed timer for lost, and arms another."""


class VendorTimers:
    """Each timer by itself, as the vendor's own SDK sets them.

    Attributes:
        scheduled: How many were set.
        fired: How many have fired.
    """

    def __init__(self) -> None:
        self.scheduled = 0
        self.fired = 0

    def advance(self, event: HistoryEvent) -> None:
        """Note that an input came."""
        self.fired += isinstance(event, TimerFired)

    def want(self, id: int, fire_at_us: int) -> None:
        """Note a timer that a workflow asks for."""
        self.scheduled += 1

    def arm(self, now_us: int) -> None:
        """Do nothing: each is set when it is asked for."""


class OwnTimers:
    """Only the earliest at a time, as perdure arms them; see ``perdure.spi.bridge.script.Open``.

    Attributes:
        scheduled: How many were armed.
        fired: How many have fired.
    """

    def __init__(self) -> None:
        self.scheduled = 0
        self.fired = 0
        self._wanted: dict[int, int] = {}
        self._armed: list[int] = []

    def advance(self, event: HistoryEvent) -> None:
        """Fire what is due when an input comes."""
        now_us = event.at_us
        if isinstance(event, TimerFired):
            # By the clock of another process it may be early.
            now_us = max(now_us, self._wanted.get(event.id, now_us))
        while self._armed and self._armed[0] <= now_us:
            due_us = self._armed.pop(0)
            self.fired += 1
            self._wanted = {id: at_us for id, at_us in self._wanted.items() if at_us > due_us}
            self.arm(due_us)
        if isinstance(event, TimerFired):
            self._wanted.pop(event.id, None)

    def want(self, id: int, fire_at_us: int) -> None:
        """Note a timer that a workflow asks for."""
        self._wanted[id] = fire_at_us

    def arm(self, now_us: int) -> None:
        """Arm one for the earliest that is wanted, unless one fires by then."""
        if not self._wanted:
            return
        deadline_us = min(self._wanted.values())
        if any(now_us - _OVERDUE_US <= armed_us <= deadline_us for armed_us in self._armed):
            return
        self._armed = sorted([*self._armed, deadline_us])
        self.scheduled += 1
