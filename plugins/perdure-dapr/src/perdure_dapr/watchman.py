"""The watchman: looks after instances that have fallen quiet, whether all they asked for is there.

A sidecar (1.18) whose scheduler fails while it waits for the answer to a turn hands the turn out
again, and may take the answer to the first attempt for that to the second. Then the inputs of the
second one are in history, and what the workflow asked for because of them is not. The next turn
mends it, since the commands that are missing are asked for anew; but where the instance waits for
nothing else, none comes. Nor does one where the reminder of a timer was lost. So an instance that
has had no turn here for a while is looked at once, and again when its next timer must have fired.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import InstanceNotFoundError, PerdureError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from perdure.clock import Clock
    from perdure_dapr.sidecar import Sidecar

_logger = logging.getLogger(__name__)

_QUIET_SECONDS: Final = 10.0
_LATE_US: Final = 5_000_000
_LOOK_SECONDS: Final = 0.5
_MICROSECONDS: Final = 1_000_000
_COMMANDS: Final = {
    "scheduleTask": "taskScheduled",
    "createTimer": "timerCreated",
    "createChildWorkflow": "childWorkflowInstanceCreated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """The latest turn of an instance that this worker has answered."""

    at: float
    asked: frozenset[tuple[str, int]]


class Watchman:
    """Wakes instances that stand still though they should not."""

    def __init__(
        self, sidecar: Sidecar, *, clock: Clock, wake: Callable[[str], Awaitable[object]]
    ) -> None:
        """Watch by the histories of ``sidecar``; ``wake`` has an instance looked at by a worker."""
        self._sidecar = sidecar
        self._clock = clock
        self._wake = wake
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}
        self._looks: dict[str, float] = {}
        self._due: list[tuple[float, str]] = []
        self._woken: dict[str, frozenset[int]] = {}

    @property
    def watched(self) -> frozenset[str]:
        """The instances that are to be looked at."""
        with self._lock:
            return frozenset(self._turns)

    def turned(self, instance_id: str, actions: Iterable[Any]) -> None:
        """Note what a turn is answered with. From any thread."""
        kinds = [(action.WhichOneof("workflowActionType"), action.id) for action in actions]
        has_ended = any(kind == "completeWorkflow" for kind, _ in kinds)
        asked = frozenset((_COMMANDS[kind], id) for kind, id in kinds if kind in _COMMANDS)
        now = time.monotonic()
        with self._lock:
            if has_ended:
                self._forget(instance_id, has_ended=True)
            else:
                self._turns[instance_id] = _Turn(at=now, asked=asked)
                self._plan(instance_id, now + _QUIET_SECONDS)

    async def watch(self) -> None:
        """Look at instances as they fall quiet, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for instance_id, turn in self._take_due():
                try:
                    await self._look(instance_id, turn)
                except PerdureError as error:
                    extra = {"instance_id": instance_id}
                    _logger.warning("looked after later: %s", error, extra=extra)
                    self._look_again(instance_id, seconds=_QUIET_SECONDS)

    def _plan(self, instance_id: str, at: float) -> None:
        """Have an instance looked at, unless that is planned for earlier."""
        planned = self._looks.get(instance_id)
        if planned is None or at < planned:
            self._looks[instance_id] = at
            heapq.heappush(self._due, (at, instance_id))

    def _look_again(self, instance_id: str, *, seconds: float) -> None:
        with self._lock:
            if instance_id in self._turns:
                self._plan(instance_id, time.monotonic() + seconds)

    def _forget(self, instance_id: str, *, has_ended: bool) -> None:
        self._turns.pop(instance_id, None)
        self._looks.pop(instance_id, None)
        if has_ended:
            self._woken.pop(instance_id, None)

    def _take_due(self) -> list[tuple[str, _Turn]]:
        due = []
        now = time.monotonic()
        with self._lock:
            while self._due and self._due[0][0] <= now:
                at, instance_id = heapq.heappop(self._due)
                if self._looks.get(instance_id) != at:
                    continue  # it has ended, or an earlier look was planned
                del self._looks[instance_id]
                turn = self._turns[instance_id]
                if turn.at + _QUIET_SECONDS > now:
                    self._plan(instance_id, turn.at + _QUIET_SECONDS)
                else:
                    due.append((instance_id, turn))
        return due

    async def _look(self, instance_id: str, turn: _Turn) -> None:
        try:
            events = await self._sidecar.events(instance_id)
        except InstanceNotFoundError:
            events = []
        account = _Account.of(events)
        now_us = self._clock.now_us()
        late = frozenset(id for id, at_us in account.timers.items() if at_us + _LATE_US < now_us)
        has_ended = not events or account.has_ended
        what = None
        if not (has_ended or account.is_held):
            what = self._complaint(instance_id, turn, account, late)
        if what is not None:
            _logger.warning("woken: %s", what, extra={"instance_id": instance_id})
            await self._wake(instance_id)
            self._woken[instance_id] = late
            # Should no turn come of it, it is woken once more.
            self._look_again(instance_id, seconds=_QUIET_SECONDS)
            return
        next_us = min((at for id, at in account.timers.items() if id not in late), default=None)
        if next_us is not None and not has_ended:
            seconds = (next_us - now_us) / _MICROSECONDS + _QUIET_SECONDS
            self._look_again(instance_id, seconds=seconds)
            return
        with self._lock:
            if self._turns.get(instance_id) is turn:
                self._forget(instance_id, has_ended=has_ended)

    def _complaint(
        self, instance_id: str, turn: _Turn, account: _Account, late: frozenset[int]
    ) -> str | None:
        """Return why an instance should not stand still; ``None`` if it may."""
        # A timer whose reminder is lost stays late for ever: the first turn after its instant has
        # done what it was for.
        if late - self._woken.get(instance_id, frozenset()):
            return "a timer has not fired"
        return None if turn.asked <= account.commands else "what it asked for is not in its history"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """What a history holds of commands; of timers the instants of those that have not fired."""

    commands: frozenset[tuple[str, int]]
    timers: Mapping[int, int]
    is_held: bool
    has_ended: bool

    @classmethod
    def of(cls, events: Iterable[Any]) -> _Account:
        """Return that of ``events``, the SDK's protobuf events."""
        commands: set[tuple[str, int]] = set()
        timers: dict[int, int] = {}
        is_held = has_ended = False
        for event in events:
            kind = event.WhichOneof("eventType")
            if kind in _RECORDED:
                commands.add((kind, event.eventId))
            if kind == "timerCreated":
                fire_at = event.timerCreated.fireAt
                timers[event.eventId] = fire_at.seconds * _MICROSECONDS + fire_at.nanos // 1_000
            elif kind == "timerFired":
                timers.pop(event.timerFired.timerId, None)
            elif kind in ("executionSuspended", "executionResumed"):
                is_held = kind == "executionSuspended"
            elif kind == "executionCompleted":
                has_ended = True
        return cls(
            commands=frozenset(commands),
            timers=timers,
            is_held=is_held,
            has_ended=has_ended,
        )


_RECORDED: Final = frozenset(_COMMANDS.values())
