"""What a workflow's code awaits: activities with their retries, and children."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.errors import (
    ActivityError,
    ActivityOutcomeUnknownError,
    ActivityTimeoutError,
    InstanceAlreadyExistsError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowTerminatedError,
)
from perdure.spi.runs import child_digest
from perdure.types import Failure, type_name

if TYPE_CHECKING:
    from perdure._replay.definition import ActivityCall, ChildCall
    from perdure._replay.executor import WorkflowExecutor
    from perdure._replay.futures import WorkflowFuture
    from perdure.types import RetryPolicy

_MAX_PARENT_PREFIX = 47  # 47 + "-" + 16 hexadecimal digits = 64, the longest id every backend takes


async def call_activity(executor: WorkflowExecutor, call: ActivityCall) -> str:
    """Return the result of an activity as JSON text, after as many attempts as its policy allows.

    Raises:
        ActivityError: The last attempt failed.
    """
    attempt = 1
    started_us = executor.now_us
    first, future = executor.commands.schedule_activity(call)
    while True:
        outcome: str | Failure = await future
        if isinstance(outcome, str):
            return outcome
        wait = _wait_before_retry(
            executor, call.retry, outcome, attempt=attempt, started_us=started_us
        )
        if wait is None:
            raise _activity_error(call.name, outcome, attempt)
        await asyncio.sleep(wait.total_seconds())
        attempt += 1
        _, future = executor.commands.schedule_activity(call, attempt=attempt, first=first)


def _wait_before_retry(
    executor: WorkflowExecutor,
    policy: RetryPolicy,
    failure: Failure,
    *,
    attempt: int,
    started_us: int,
) -> timedelta | None:
    """Return how long to wait before the next attempt, or ``None`` if there is to be none."""
    if (
        attempt >= policy.max_attempts
        or policy.forbids(failure)
        or failure.matches(ActivityOutcomeUnknownError)
    ):
        return None
    wait = policy.interval_before(attempt + 1)
    if policy.jitter:
        wait *= 1 + policy.jitter * executor.jitter.random()
    if policy.timeout is not None:
        elapsed = timedelta(microseconds=executor.now_us - started_us)
        if elapsed + wait > policy.timeout:
            return None
    return wait


def _activity_error(name: str, failure: Failure, attempts: int) -> ActivityError:
    kind = ActivityError
    if failure.type == type_name(ActivityTimeoutError):
        kind = ActivityTimeoutError
    elif failure.type == type_name(ActivityOutcomeUnknownError):
        kind = ActivityOutcomeUnknownError
    return kind(activity=name, failure=failure, attempts=attempts)


def child_instance_id(executor: WorkflowExecutor, command_id: int) -> str:
    """Return the id of a child that was given none: of the parent's, the run and the command."""
    digest = child_digest(executor.info.run_id, command_id)
    return f"{executor.instance_id[:_MAX_PARENT_PREFIX]}-{digest}"


class ChildRun:
    """A child that was started."""

    def __init__(
        self, *, id: int, instance_id: str, call: ChildCall, future: WorkflowFuture
    ) -> None:
        self.id = id
        self.instance_id = instance_id
        self.workflow = call.workflow
        self._future = future

    async def result(self) -> str:
        """Return the child's result as JSON text. Giving the wait up leaves the child running.

        Raises:
            WorkflowFailedError: The child failed.
            WorkflowTerminatedError: The child was terminated.
            InstanceAlreadyExistsError: The child could not be started.
        """
        outcome: str | Failure = await asyncio.shield(self._future)
        if isinstance(outcome, str):
            return outcome
        raise _child_error(self.instance_id, outcome)


def _child_error(instance_id: str, failure: Failure) -> Exception:
    if failure.type == type_name(InstanceAlreadyExistsError):
        return InstanceAlreadyExistsError(
            instance_id=instance_id, status="started by somebody else"
        )
    if failure.type == type_name(WorkflowTerminatedError):
        return WorkflowTerminatedError(instance_id=instance_id, reason=failure.message)
    if failure.type == type_name(asyncio.CancelledError):
        return WorkflowCancelledError(instance_id=instance_id, failure=failure)
    return WorkflowFailedError(instance_id=instance_id, failure=failure)
