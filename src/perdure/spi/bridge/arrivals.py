"""Arrivals: what an SDK says of a task that is complete, as an input of the executor."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import NonDeterminismError, PayloadError
from perdure.spi.bridge.channel import (
    CHILD_ANSWER,
    EVENT_CHANNEL,
    WAKE_EVENT,
    decode_child_answer,
    decode_event,
)
from perdure.spi.bridge.envelope import raw_text
from perdure.spi.bridge.messages import (
    REFUSED_CHILD,
    Reply,
    decode_failure,
    decode_result,
    run_mark,
)
from perdure.spi.bridge.script import Awaited, Listen, Looked, StartDetached
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    BufferedEvent,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    EventReceived,
    HistoryEvent,
)
from perdure.spi.replies import child_refused
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure.spi.bridge.sdk import SdkTask

_logger = logging.getLogger(__name__)


def input_of(
    operation: Awaited, task: SdkTask, *, at_us: int, instance_id: str, run_id: str, position: int
) -> HistoryEvent:
    """Return the input that the answer to ``operation`` is.

    Raises:
        NonDeterminismError: It answers another command, so the code has changed.
    """
    if isinstance(operation, ActivityScheduled | ChildStarted):
        reply = _reply_of(task)
        if reply.run and reply.run != run_mark(run_id):
            # The vendor numbers a run's commands as it did those of a run before, whose answers
            # may come late. It has taken this one for ours, and will not wait for ours any more.
            return Looked(at_us=at_us, again=operation.id)
        if reply.run and reply.id != operation.id:
            raise NonDeterminismError(
                instance_id=instance_id,
                recorded=f"an answer to command {reply.id} of run {reply.run}",
                asked=f"{_describe(operation)} of run {run_id}",
                position=position,
            )
        return _outcome(operation, reply, at_us=at_us)
    if isinstance(operation, Listen):
        return _heard(operation, task, at_us=at_us, instance_id=instance_id, run_id=run_id)
    if isinstance(operation, StartDetached):
        reply = _reply_of(task)
        if reply.run and reply.run != run_mark(run_id):
            return Looked(at_us=at_us, again=operation.child.id)
        if reply.failure is not None:
            return ChildFailed(at_us=at_us, id=operation.child.id, failure=reply.failure)
        if reply.result == REFUSED_CHILD:
            return replace(child_refused(operation.child), at_us=at_us)
    return Looked(at_us=at_us)


def is_for_workflow(event: BufferedEvent) -> bool:
    """Return whether an event from the channel is one that somebody has raised."""
    return event.name not in (WAKE_EVENT, CHILD_ANSWER)


def event_of(operation: Listen, task: SdkTask, *, instance_id: str) -> BufferedEvent | None:
    """Return the event that came; ``None`` if it is none of perdure's and came on its channel."""
    value = task.get_result()
    if operation.name != EVENT_CHANNEL:
        return BufferedEvent(name=operation.name, payload=raw_text(value))
    try:
        return decode_event(value)
    except PayloadError as error:
        _logger.warning("dropped: %s", error, extra={"instance_id": instance_id})
        return None


def _heard(
    operation: Listen, task: SdkTask, *, at_us: int, instance_id: str, run_id: str
) -> HistoryEvent:
    event = event_of(operation, task, instance_id=instance_id)
    if event is None:
        return Looked(at_us=at_us)
    if event.name == WAKE_EVENT:
        return Looked(at_us=at_us, wakes=True)
    if event.name != CHILD_ANSWER:
        return EventReceived(at_us=at_us, name=event.name, payload=event.payload)
    try:
        reply = decode_child_answer(event.payload)
    except PayloadError as error:
        _logger.warning("dropped: %s", error, extra={"instance_id": instance_id})
        return Looked(at_us=at_us)
    if reply.run != run_mark(run_id):
        return Looked(at_us=at_us)  # the run that had the child is over
    if reply.failure is not None:
        return ChildFailed(at_us=at_us, id=reply.id, failure=reply.failure)
    return ChildCompleted(at_us=at_us, id=reply.id, result=reply.result or "null")


def _reply_of(task: SdkTask) -> Reply:
    if task.is_failed:
        return _failure_of(task.get_exception())
    value = task.get_result()
    try:
        reply = decode_result(value)
    except PayloadError as error:
        return Reply(failure=Failure.from_exception(error, with_traceback=False))
    return reply or Reply(result=raw_text(value))


def _failure_of(error: Exception) -> Reply:
    details = getattr(error, "details", None)
    if details is None:
        return Reply(failure=Failure.from_exception(error, with_traceback=False))
    return decode_failure(
        error_type=details.error_type,
        message=details.message,
        traceback=details.stack_trace or "",
    )


def _outcome(
    operation: ActivityScheduled | ChildStarted, reply: Reply, *, at_us: int
) -> HistoryEvent:
    is_activity = isinstance(operation, ActivityScheduled)
    if reply.refusal is not None:
        return Looked(at_us=at_us, refusal=reply.refusal)
    if reply.failure is not None:
        failed = ActivityFailed if is_activity else ChildFailed
        return failed(at_us=at_us, id=operation.id, failure=reply.failure)
    completed = ActivityCompleted if is_activity else ChildCompleted
    return completed(at_us=at_us, id=operation.id, result=reply.result or "null")


def _describe(operation: ActivityScheduled | ChildStarted) -> str:
    if isinstance(operation, ActivityScheduled):
        return f"activity {operation.name!r} (command {operation.id})"
    return f"child {operation.workflow!r} (command {operation.id})"
