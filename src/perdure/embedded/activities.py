"""The activities that run now: one task each, its outcome posted to the instance that asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from perdure.errors import ActivityNotRegisteredError, PayloadError, PayloadStoreError
from perdure.spi.history import ActivityCompleted, ActivityFailed
from perdure.spi.program import ActivityOutcome, ActivityTask
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure.clock import Clock
    from perdure.embedded.live import LiveInstance
    from perdure.spi.history import ActivityScheduled
    from perdure.spi.program import Program


class Receiver(Protocol):
    """Who is told of outcomes."""

    def receive(self, live: LiveInstance, event: ActivityCompleted | ActivityFailed) -> None:
        """Take the outcome of an activity."""

    def lay_aside(self, live: LiveInstance, reason: str) -> None:
        """Stall an instance that cannot go on with the code of this worker."""


class ActivityRuns:
    """Starts activities and keeps hold of them."""

    def __init__(self, receiver: Receiver, *, clock: Clock) -> None:
        self._receiver = receiver
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[asyncio.Task[None], tuple[LiveInstance, int]] = {}
        self.program: Program | None = None

    @property
    def count(self) -> int:
        """How many run now."""
        return len(self._tasks)

    def start(self, live: LiveInstance, scheduled: ActivityScheduled) -> None:
        """Run one attempt, unless it runs already."""
        if scheduled.id in live.tasks:
            return
        task = self._loop.create_task(self._run(live, scheduled))
        live.tasks[scheduled.id] = task
        self._tasks[task] = (live, scheduled.id)

    async def wait(self, *, timeout_seconds: float) -> None:
        """Return when all that run now have ended, or the time is up."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=timeout_seconds)

    def cancel(self) -> None:
        """Give up all that run: nothing of them is recorded."""
        for task in list(self._tasks):
            task.cancel()
            # One that has not begun yet does not get to its own end.
            task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        live, command_id = self._tasks.pop(task, (None, 0))
        if live is not None:
            del live.tasks[command_id]

    async def _run(self, live: LiveInstance, scheduled: ActivityScheduled) -> None:
        started = live.started
        assert self.program is not None
        try:
            outcome = await self.program.run_activity(
                ActivityTask(
                    instance_id=started.instance_id,
                    run_id=started.run_id,
                    workflow=started.workflow,
                    scheduled=scheduled,
                    headers=started.headers,
                )
            )
        except (ActivityNotRegisteredError, PayloadError, PayloadStoreError) as error:
            self._receiver.lay_aside(live, str(error))
            return
        except Exception as error:  # noqa: BLE001 - the workflow must hear of it, whoever is to blame
            outcome = ActivityOutcome(failure=Failure.from_exception(error))
        finally:
            self._forget(live.tasks[scheduled.id])
        self._receiver.receive(live, _event(scheduled, outcome, at_us=self._clock.now_us()))


def _event(
    scheduled: ActivityScheduled, outcome: ActivityOutcome, *, at_us: int
) -> ActivityCompleted | ActivityFailed:
    if outcome.failure is not None:
        return ActivityFailed(at_us=at_us, id=scheduled.id, failure=outcome.failure)
    assert outcome.result is not None
    return ActivityCompleted(at_us=at_us, id=scheduled.id, result=outcome.result)
