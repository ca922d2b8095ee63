"""A program that passes the crash points, whichever backend runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from perdure._program import RegistryProgram
from perdure._replay.executor import WorkflowExecutor
from perdure.testing.crash_points import reach

if TYPE_CHECKING:
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import ActivityOutcome, ActivityTask


class CrashingExecutor(WorkflowExecutor):
    """Dies before or after a step."""

    def deliver(self, event: HistoryEvent) -> list[HistoryEvent]:
        """Apply one input."""
        reach("step-begun")
        entries = super().deliver(event)
        reach("step-ended")
        return entries

    def advance(self, at_us: int) -> list[HistoryEvent]:
        """Fire the timers due."""
        reach("step-begun")
        entries = super().advance(at_us)
        reach("step-ended")
        return entries


class CrashingProgram(RegistryProgram):
    """Dies before or after an activity, or a step."""

    executor_type: ClassVar[type[WorkflowExecutor]] = CrashingExecutor

    async def run_activity(self, task: ActivityTask) -> ActivityOutcome:
        """Run one attempt of an activity."""
        reach("activity-begun")
        outcome = await super().run_activity(task)
        reach("activity-ended")
        return outcome
