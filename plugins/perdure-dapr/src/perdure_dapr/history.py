"""History: Dapr's events of a run, in the words that vendors share. Pure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import VendorEvent, VendorKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Fields = dict[str, Any]
    Read = Callable[[Any, Any], Fields]
    """What an event and its own part say, by the names of :class:`VendorEvent`."""

_logger = logging.getLogger(__name__)

_ENDS: Final = {
    "ORCHESTRATION_STATUS_COMPLETED": VendorKind.COMPLETED,
    "ORCHESTRATION_STATUS_FAILED": VendorKind.FAILED,
    "ORCHESTRATION_STATUS_CONTINUED_AS_NEW": VendorKind.CONTINUED,
}
# An end by force is told by what asked for it, and a stall is no part of a journal.
_PASSED_OVER: Final = frozenset({"workflowCompleted", "executionStalled"})


def vendor_events(events: Iterable[Any], *, instance_id: str) -> list[VendorEvent]:
    """Return Dapr's events of a run; one of a kind that nobody knows is logged and left out."""
    known = []
    for event in events:
        name = event.WhichOneof("eventType")
        if name == "executionCompleted":
            known += _end(event)
        elif name in _KINDS:
            kind, read = _KINDS[name]
            at_us = _us(event.timestamp)
            known.append(VendorEvent(kind=kind, at_us=at_us, **read(event, getattr(event, name))))
        elif name not in _PASSED_OVER:
            extra = {"instance_id": instance_id}
            _logger.warning("unknown event in a history: %s", name, extra=extra)
    return known


def _turn(event: Any, turn: Any) -> Fields:
    return {}


def _started(event: Any, started: Any) -> Fields:
    instance_id = started.workflowInstance.instanceId
    return {"name": started.name, "instance_id": instance_id, "payload": _payload(started.input)}


def _activity(event: Any, asked: Any) -> Fields:
    return {"id": event.eventId, "name": asked.name, "payload": _payload(asked.input)}


def _child(event: Any, asked: Any) -> Fields:
    return {**_activity(event, asked), "instance_id": asked.instanceId}


def _result(event: Any, answer: Any) -> Fields:
    return {"id": answer.taskScheduledId, "payload": _payload(answer.result)}


def _failure(event: Any, failed: Any) -> Fields:
    return {"id": failed.taskScheduledId, **_details(failed.failureDetails)}


def _timer_created(event: Any, timer: Any) -> Fields:
    return {"id": event.eventId, "name": timer.name, "fire_at_us": _us(timer.fireAt)}


def _timer_fired(event: Any, timer: Any) -> Fields:
    return {"id": timer.timerId, "fire_at_us": _us(timer.fireAt)}


def _raised(event: Any, raised: Any) -> Fields:
    return {"name": raised.name, "payload": _payload(raised.input)}


def _told(event: Any, told: Any) -> Fields:
    return {"payload": _payload(told.input)}


def _end(event: Any) -> list[VendorEvent]:
    completed = event.executionCompleted
    field = completed.DESCRIPTOR.fields_by_name["workflowStatus"]
    value = field.enum_type.values_by_number.get(completed.workflowStatus)
    kind = _ENDS.get(value.name if value else "")
    if kind is None:
        return []
    details = _details(completed.failureDetails) if kind is VendorKind.FAILED else {}
    payload = _payload(completed.result)
    return [VendorEvent(kind=kind, at_us=_us(event.timestamp), payload=payload, **details)]


def _details(details: Any) -> Fields:
    return {
        "error_type": details.errorType,
        "message": details.errorMessage,
        "traceback": details.stackTrace.value,
    }


def _payload(wrapper: Any) -> str | None:
    return wrapper.value or None


def _us(timestamp: Any) -> int:
    seconds: int = timestamp.seconds
    nanos: int = timestamp.nanos
    return seconds * 1_000_000 + nanos // 1_000


_KINDS: Final[dict[str, tuple[VendorKind, Read]]] = {
    "workflowStarted": (VendorKind.TURN, _turn),
    "executionStarted": (VendorKind.STARTED, _started),
    "taskScheduled": (VendorKind.ACTIVITY_SCHEDULED, _activity),
    "taskCompleted": (VendorKind.ACTIVITY_COMPLETED, _result),
    "taskFailed": (VendorKind.ACTIVITY_FAILED, _failure),
    "childWorkflowInstanceCreated": (VendorKind.CHILD_CREATED, _child),
    "childWorkflowInstanceCompleted": (VendorKind.CHILD_COMPLETED, _result),
    "childWorkflowInstanceFailed": (VendorKind.CHILD_FAILED, _failure),
    "timerCreated": (VendorKind.TIMER_CREATED, _timer_created),
    "timerFired": (VendorKind.TIMER_FIRED, _timer_fired),
    "eventRaised": (VendorKind.EVENT, _raised),
    "executionSuspended": (VendorKind.SUSPENDED, _told),
    "executionResumed": (VendorKind.RESUMED, _told),
    "executionTerminated": (VendorKind.TERMINATED, _told),
}
