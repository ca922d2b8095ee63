"""The attempt of an activity that runs here: in this thread, in this task and those it started."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.clock import from_us

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from perdure.spi.program import ActivityTask


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityInfo:
    """One attempt of an activity.

    Attributes:
        name: The activity's name.
        idempotency_key: The same for all attempts of one call, and when a worker died and another
            repeats it. Hand it to services that can recognise a repetition.
        attempt: Counts from 1.
        instance_id: The workflow instance that called it.
        run_id: The run of that instance.
        workflow: The workflow's name.
        headers: Those the workflow was started with.
        started_at: When this attempt began to run.
        deadline: When it will be given up; ``None`` if it may run for ever.
    """

    name: str
    idempotency_key: str
    attempt: int
    instance_id: str
    run_id: str
    workflow: str
    headers: Mapping[str, str]
    started_at: datetime
    deadline: datetime | None


class Attempt:
    """An attempt that runs. Most activities never ask about it: the answer is made on demand."""

    __slots__ = ("_started_us", "_task")

    def __init__(self, task: ActivityTask, *, started_us: int) -> None:
        self._task = task
        self._started_us = started_us

    def info(self) -> ActivityInfo:
        """Return what the activity may know."""
        task, scheduled = self._task, self._task.scheduled
        limit_us = scheduled.timeout_us
        return ActivityInfo(
            name=scheduled.name,
            idempotency_key=task.idempotency_key,
            attempt=scheduled.attempt,
            instance_id=task.instance_id,
            run_id=task.run_id,
            workflow=task.workflow,
            headers=task.headers,
            started_at=from_us(self._started_us),
            deadline=None if limit_us is None else from_us(self._started_us + limit_us),
        )


_attempt: ContextVar[Attempt] = ContextVar("perdure_attempt")


def enter_attempt(attempt: Attempt) -> None:
    """Make ``attempt`` the current one for the rest of the present context."""
    _attempt.set(attempt)


def current_attempt() -> Attempt | None:
    """Return the current attempt; ``None`` where no worker runs an activity."""
    return _attempt.get(None)
