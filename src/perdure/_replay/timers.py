"""The timers of one instance: absolute deadlines, earliest first, each a command."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from perdure.spi.history import EXECUTION_DEADLINE_ID, TimerCreated

if TYPE_CHECKING:
    from perdure._replay.executor import WorkflowExecutor
    from perdure._replay.loop import DurableTimerHandle
    from perdure._replay.recorded import CommandLog

_CANCELLED_AT_MOST = 64


class TimerTable:
    """Open timers. A cancelled one is only forgotten: nothing outside has to be told."""

    def __init__(self, executor: WorkflowExecutor, log: CommandLog) -> None:
        self._executor = executor
        self._log = log
        self._heap: list[tuple[int, int]] = []
        self._open: dict[int, DurableTimerHandle | None] = {}

    def create(self, deadline_us: int, handle: DurableTimerHandle) -> int:
        """Issue the command of a new timer and return its id.

        In a replay the recorded deadline holds.
        """
        command_id = self._log.next_id()
        try:
            event = self._issue(command_id, deadline_us)
        except BaseException as error:
            self._executor.halt(error)
            raise
        self._add(event.fire_at_us, command_id, handle)
        return command_id

    def _issue(self, command_id: int, deadline_us: int) -> TimerCreated:
        recorded = self._log.recorded(TimerCreated, command_id, "")
        if recorded is not None and not self._log.makes_payloads:
            return recorded
        made = TimerCreated(at_us=self._executor.now_us, id=command_id, fire_at_us=deadline_us)
        if recorded is None:
            self._log.issue(made)
            return made
        self._log.compare(recorded, made)
        return recorded

    def set_execution_deadline(self, deadline_us: int) -> None:
        """Add the timer that no command creates."""
        self._add(deadline_us, EXECUTION_DEADLINE_ID, None)

    def _add(self, deadline_us: int, command_id: int, handle: DurableTimerHandle | None) -> None:
        self._open[command_id] = handle
        heapq.heappush(self._heap, (deadline_us, command_id))
        if len(self._heap) > _CANCELLED_AT_MOST + 2 * len(self._open):
            # Behind an early timer, cancelled ones would pile up for as long as it takes.
            self._heap = [entry for entry in self._heap if entry[1] in self._open]
            heapq.heapify(self._heap)

    def is_open(self, command_id: int) -> bool:
        """Return whether a timer has neither fired nor been cancelled."""
        return command_id in self._open

    def cancel(self, command_id: int) -> None:
        """Forget a timer."""
        self._open.pop(command_id, None)

    def take(self, command_id: int) -> DurableTimerHandle | None:
        """Return the handle of a timer that fired and forget it; ``None`` if it was cancelled."""
        return self._open.pop(command_id, None)

    def next_deadline_us(self) -> int | None:
        """Return the earliest open deadline."""
        while self._heap and self._heap[0][1] not in self._open:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def first_due(self, at_us: int) -> int | None:
        """Return the id of the earliest timer due at ``at_us``; ties go by creation."""
        deadline = self.next_deadline_us()
        return self._heap[0][1] if deadline is not None and deadline <= at_us else None

    def are_pending(self) -> bool:
        """Return whether a timer that a command created is open."""
        return any(command_id != EXECUTION_DEADLINE_ID for command_id in self._open)
