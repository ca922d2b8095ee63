"""Crash points: named places where a process kills itself, as no signal from outside could hit.

``PERDURE_CRASH_POINT=place:n`` arms one in a process: it dies by SIGKILL when it gets to that place
for the n-th time. Those of the kit, in each worker process that it starts, whatever the backend:

* ``activity-begun``: the backend has handed an activity over, and nothing of it has run;
* ``activity-ended``: it has run, and the backend does not know its result;
* ``step-begun``: an event is about to reach a workflow;
* ``step-ended``: the workflow has answered it, and nothing of the answer is durable.

Activities and tests can add their own by :func:`reach`.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from perdure.errors import ConfigurationError

if TYPE_CHECKING:
    from random import Random

VARIABLE: Final = "PERDURE_CRASH_POINT"
PLACES: Final = ("activity-begun", "activity-ended", "step-begun", "step-ended")

_lock = Lock()
_reached: dict[str, int] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashPoint:
    """Where a process dies, and at which time that it gets there."""

    place: str
    count: int = 1

    def __str__(self) -> str:
        return f"{self.place}:{self.count}"

    @property
    def environment(self) -> dict[str, str]:
        """What arms it in a process that is started with it."""
        return {VARIABLE: str(self)}

    @classmethod
    def draw(cls, random: Random, *, places: tuple[str, ...] = PLACES, most: int = 8) -> CrashPoint:
        """Return one by chance; the same seed gives the same ones."""
        return cls(place=random.choice(places), count=random.randint(1, most))


def armed() -> CrashPoint | None:
    """Return the crash point of this process, if it has one.

    Raises:
        ConfigurationError: The variable is not of the form ``place:n``.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    place, _, count = text.partition(":")
    if not (place and count.isdecimal() and int(count) > 0):
        raise ConfigurationError(setting=VARIABLE, problem=f"{text!r} is not of the form place:n")
    return CrashPoint(place=place, count=int(count))


def is_armed() -> bool:
    """Return whether this process has a crash point."""
    return armed() is not None


def reach(place: str) -> None:
    """Say that this process is at ``place``; it dies here if that is its crash point."""
    point = armed()
    if point is None or point.place != place:
        return
    with _lock:
        _reached[place] = _reached.get(place, 0) + 1
        if _reached[place] == point.count:
            os.kill(os.getpid(), signal.SIGKILL)
