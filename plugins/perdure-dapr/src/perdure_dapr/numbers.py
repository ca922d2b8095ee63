"""Numbers: those by which a sidecar knows the activities and timers of a run.

The SDK counts. So each attempt of a turn gives its commands the same numbers, and a sidecar (1.18)
that fails after it has begun them, and before it has stored the turn, mixes the attempts up: a
timer of the first one fires, and from then on counts as fired where the second one has made it
anew; a result of the first one arrives before the second has asked, and later ones are dropped as
its duplicates. Then nothing ever wakes the instance.

Here a command that history holds keeps the number that it has there, and a new one gets a number
that no other attempt has had. They grow in the order in which commands are asked for.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Below are the numbers that the SDK counts: those of children stay the same at each attempt, for
# that is how the sidecar knows that a child is there already.
_FIRST: Final = 2**20
_FIRST_BITS: Final = 29
_GAP_BITS: Final = 11
_LAST: Final = 2**31 - 1

_random: Final = random.SystemRandom()


class Numbers:
    """The numbers of one execution. Commands must be asked for in the order of history."""

    def __init__(self, history: Iterable[Any] = ()) -> None:
        """Take those that ``history``, the SDK's protobuf events, holds."""
        self._activities: deque[int] = deque()
        self._timers: deque[int] = deque()
        self._highest = 0
        for event in history:
            number = event.eventId
            if number < 0:
                continue
            if event.HasField("taskScheduled"):
                self._activities.append(number)
            elif event.HasField("timerCreated"):
                self._timers.append(number)
            else:
                continue
            self._highest = max(self._highest, number)

    @property
    def holds_next_activity(self) -> bool:
        """Whether history holds the activity that is asked for next."""
        return bool(self._activities)

    def for_activity(self) -> int:
        """Return the number of the activity that is asked for next."""
        return self._activities.popleft() if self._activities else self._fresh()

    def for_timer(self) -> int:
        """Return the number of the timer that is asked for next."""
        return self._timers.popleft() if self._timers else self._fresh()

    def _fresh(self) -> int:
        if self._highest < _FIRST:
            number = _FIRST + _random.getrandbits(_FIRST_BITS)
        else:
            # Room for a million commands, more than any history that a sidecar can hold.
            number = min(self._highest + 1 + _random.getrandbits(_GAP_BITS), _LAST)
        self._highest = number
        return number


class _Here(threading.local):
    """The numbers of what the thread executes: the SDK runs an execution on one."""

    numbers: Numbers | None = None


_here: Final = _Here()


@contextlib.contextmanager
def numbering(history: Iterable[Any]) -> Iterator[None]:
    """Execute a turn within this, on this thread."""
    _here.numbers = Numbers(history)
    try:
        yield
    finally:
        _here.numbers = None


def numbers() -> Numbers:
    """Return the numbers of the execution on this thread; outside of any, all are new."""
    return _here.numbers or Numbers()
