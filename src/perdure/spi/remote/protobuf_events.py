"""History in the protobuf messages that both vendors' servers speak, in the bridge's words. Pure.

One vendor's messages are a fork of the other's, and some have other names.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class EventNames:
    """The names that differ between vendors.

    Attributes:
        turn: The event that begins a work item.
        instance: The field of ``executionStarted`` that tells the instance.
        child: What the events of children begin with.
        status: The field of ``executionCompleted`` that tells how.
        passed_over: Events that are no part of a journal.
    """

    turn: str
    instance: str
    child: str
    status: str
    passed_over: frozenset[str]


def vendor_events(
    events: Iterable[Any], *, names: EventNames, instance_id: str
) -> list[VendorEvent]:
    """Return the events of a run; one of a kind that nobody knows is logged and left out."""
    kinds = _kinds(names)
    known = []
    for event in events:
        name = event.WhichOneof("eventType")
        if name == "executionCompleted":
            known += _end(event, names)
        elif name in kinds:
            kind, read = kinds[name]
            at_us = _us(event.timestamp)
            known.append(VendorEvent(kind=kind, at_us=at_us, **read(event, getattr(event, name))))
        elif name not in names.passed_over:
            extra = {"instance_id": instance_id}
            _logger.warning("unknown event in a history: %s", name, extra=extra)
    return known


def payload_of(wrapper: Any) -> str | None:
    """Return the text of a protobuf ``StringValue``; ``None`` where it is empty."""
    return wrapper.value or None


def _turn(event: Any, turn: Any) -> Fields:
    return {}


def _activity(event: Any, asked: Any) -> Fields:
    return {"id": event.eventId, "name": asked.name, "payload": payload_of(asked.input)}


def _child(event: Any, asked: Any) -> Fields:
    return {**_activity(event, asked), "instance_id": asked.instanceId}


def _result(event: Any, answer: Any) -> Fields:
    return {"id": answer.taskScheduledId, "payload": payload_of(answer.result)}


def _failure(event: Any, failed: Any) -> Fields:
    return {"id": failed.taskScheduledId, **_details(failed.failureDetails)}


def _timer_created(event: Any, timer: Any) -> Fields:
    # Only one of the vendors has room for a text in a timer.
    name = getattr(timer, "name", "")
    return {"id": event.eventId, "name": name, "fire_at_us": _us(timer.fireAt)}


def _timer_fired(event: Any, timer: Any) -> Fields:
    return {"id": timer.timerId, "fire_at_us": _us(timer.fireAt)}


def _raised(event: Any, raised: Any) -> Fields:
    return {"name": raised.name, "payload": payload_of(raised.input)}


def _told(event: Any, told: Any) -> Fields:
    return {"payload": payload_of(told.input)}


def _end(event: Any, names: EventNames) -> list[VendorEvent]:
    completed = event.executionCompleted
    field = completed.DESCRIPTOR.fields_by_name[names.status]
    value = field.enum_type.values_by_number.get(getattr(completed, names.status))
    kind = _ENDS.get(value.name if value else "")
    if kind is None:
        return []  # an end by force is told by what asked for it
    details = _details(completed.failureDetails) if kind is VendorKind.FAILED else {}
    payload = payload_of(completed.result)
    return [VendorEvent(kind=kind, at_us=_us(event.timestamp), payload=payload, **details)]


def _details(details: Any) -> Fields:
    return {
        "error_type": details.errorType,
        "message": details.errorMessage,
        "traceback": details.stackTrace.value,
    }


def _us(timestamp: Any) -> int:
    seconds: int = timestamp.seconds
    nanos: int = timestamp.nanos
    return seconds * 1_000_000 + nanos // 1_000


def _kinds(names: EventNames) -> dict[str, tuple[VendorKind, Read]]:
    def started(event: Any, started: Any) -> Fields:
        instance_id = getattr(started, names.instance).instanceId
        payload = payload_of(started.input)
        return {"name": started.name, "instance_id": instance_id, "payload": payload}

    return {
        names.turn: (VendorKind.TURN, _turn),
        "executionStarted": (VendorKind.STARTED, started),
        "taskScheduled": (VendorKind.ACTIVITY_SCHEDULED, _activity),
        "taskCompleted": (VendorKind.ACTIVITY_COMPLETED, _result),
        "taskFailed": (VendorKind.ACTIVITY_FAILED, _failure),
        f"{names.child}Created": (VendorKind.CHILD_CREATED, _child),
        f"{names.child}Completed": (VendorKind.CHILD_COMPLETED, _result),
        f"{names.child}Failed": (VendorKind.CHILD_FAILED, _failure),
        "timerCreated": (VendorKind.TIMER_CREATED, _timer_created),
        "timerFired": (VendorKind.TIMER_FIRED, _timer_fired),
        "eventRaised": (VendorKind.EVENT, _raised),
        "executionSuspended": (VendorKind.SUSPENDED, _told),
        "executionResumed": (VendorKind.RESUMED, _told),
        "executionTerminated": (VendorKind.TERMINATED, _told),
    }
