"""History: Dapr's events of a run, in the words that vendors share. Pure."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from perdure.spi.bridge import VendorEvent, VendorKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Convert = Callable[[VendorKind, Any, Any], VendorEvent]

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
            kind, convert = _KINDS[name]
            known.append(convert(kind, event, getattr(event, name)))
        elif name not in _PASSED_OVER:
            extra = {"instance_id": instance_id}
            _logger.warning("unknown event in a history: %s", name, extra=extra)
    return known


def _plain(kind: VendorKind, event: Any, _: Any) -> VendorEvent:
    return VendorEvent(kind=kind, at_us=_us(event.timestamp))


def _started(kind: VendorKind, event: Any, started: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        name=started.name,
        instance_id=started.workflowInstance.instanceId,
        payload=_payload(started.input),
    )


def _activity(kind: VendorKind, event: Any, asked: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=event.eventId,
        name=asked.name,
        payload=_payload(asked.input),
    )


def _child(kind: VendorKind, event: Any, asked: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=event.eventId,
        name=asked.name,
        instance_id=asked.instanceId,
        payload=_payload(asked.input),
    )


def _result(kind: VendorKind, event: Any, answer: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=answer.taskScheduledId,
        payload=_payload(answer.result),
    )


def _failure(kind: VendorKind, event: Any, failed: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=failed.taskScheduledId,
        **_details(failed.failureDetails),
    )


def _timer_created(kind: VendorKind, event: Any, timer: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=event.eventId,
        name=timer.name,
        fire_at_us=_us(timer.fireAt),
    )


def _timer_fired(kind: VendorKind, event: Any, timer: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=_us(event.timestamp),
        id=timer.timerId,
        fire_at_us=_us(timer.fireAt),
    )


def _raised(kind: VendorKind, event: Any, raised: Any) -> VendorEvent:
    return VendorEvent(
        kind=kind, at_us=_us(event.timestamp), name=raised.name, payload=_payload(raised.input)
    )


def _asked_from_outside(kind: VendorKind, event: Any, asked: Any) -> VendorEvent:
    return VendorEvent(kind=kind, at_us=_us(event.timestamp), payload=_payload(asked.input))


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


def _details(details: Any) -> dict[str, Any]:
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


_KINDS: Final[dict[str, tuple[VendorKind, Convert]]] = {
    "workflowStarted": (VendorKind.TURN, _plain),
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
    "executionSuspended": (VendorKind.SUSPENDED, _asked_from_outside),
    "executionResumed": (VendorKind.RESUMED, _asked_from_outside),
    "executionTerminated": (VendorKind.TERMINATED, _asked_from_outside),
}
