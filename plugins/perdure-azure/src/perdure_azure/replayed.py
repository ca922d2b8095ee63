"""Replayed events: those that a long history is made of, taken in the SDK's stead.

The SDK hands itself the whole history with each turn, and asks of each event what it is, kind by
kind, reads each result, and makes each instant with care. Most say when a turn began, that an
activity was asked for, and what it has returned.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from perdure_azure import sdk

if TYPE_CHECKING:
    from collections.abc import Callable

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - the SDK keeps UTC without a zone


def take_replayed(context: Any, event: Any, kind: str) -> bool:
    """Take an event of history, if that is simple; return whether it was.

    Args:
        context: The SDK's, not within a hold.
        event: What comes next.
        kind: Of the event.
    """
    take = _SIMPLE.get(kind)
    return take is not None and take(context, event)


def _turn_began(context: Any, event: Any) -> bool:
    at = event.timestamp
    context.current_utc_datetime = _EPOCH + timedelta(
        seconds=at.seconds, microseconds=at.nanos // 1_000
    )
    return True


def _activity_scheduled(context: Any, event: Any) -> bool:
    number = event.eventId
    action = context._pending_actions.get(number)
    if action is None or action.scheduleTask.name != event.taskScheduled.name:
        return False  # the SDK says what is wrong
    del context._pending_actions[number]
    return True


def _activity_completed(context: Any, event: Any) -> bool:
    completed = event.taskCompleted
    number = completed.taskScheduledId
    call = context._pending_tasks.get(number)
    if not isinstance(call, sdk.ActivityCall):
        return False
    del context._pending_tasks[number]
    try:
        call.complete(completed.result.value or None)
        context.resume()
    except StopIteration as end:
        context.set_complete(end.value, sdk.pb.ORCHESTRATION_STATUS_COMPLETED)
    return True


_SIMPLE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "orchestratorStarted": _turn_began,
    "taskScheduled": _activity_scheduled,
    "taskCompleted": _activity_completed,
}
