"""The history of a run that is not perdure's, as much of a journal as can be made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.spi.bridge.envelope import raw_text
from perdure.spi.bridge.messages import decode_failure
from perdure.spi.bridge.retold import opening_of
from perdure.spi.bridge.told_ends import end_told, reason_told
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.bridge.wire_operations import operation_of, read_payload
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    TimerCreated,
    TimerFired,
)
from perdure.types import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence


def foreign_journal(history: Sequence[VendorEvent]) -> list[HistoryEvent]:
    """Return a journal: each event of the history by itself, under the vendor's numbers."""
    fired = {e.id: e.at_us for e in history if e.kind is VendorKind.TIMER_FIRED}
    journal: list[HistoryEvent] = []
    now_us = 0
    for event in history:
        entry = _entry(event, fire_at_us=event.fire_at_us or fired.get(event.id, event.at_us))
        if entry is not None:
            now_us = max(now_us, entry.at_us)
            journal.append(replace(entry, at_us=now_us))
    return journal


def _entry(event: VendorEvent, *, fire_at_us: int) -> HistoryEvent | None:
    at_us, id = event.at_us, event.id
    match event.kind:
        case VendorKind.STARTED:
            return opening_of(event, at_us=at_us).started()
        case VendorKind.ACTIVITY_SCHEDULED | VendorKind.CHILD_CREATED:
            operation = operation_of(event, read_payload(event.payload))
            return operation if isinstance(operation, HistoryEvent) else None
        case VendorKind.TIMER_CREATED:
            return TimerCreated(at_us=at_us, id=id, fire_at_us=fire_at_us)
        case VendorKind.TIMER_FIRED:
            return TimerFired(at_us=at_us, id=id)
        case VendorKind.EVENT:
            return EventReceived(at_us=at_us, name=event.name, payload=_text(event))
        case _:
            return _answer(event) or _end(event)


def _answer(event: VendorEvent) -> HistoryEvent | None:
    at_us, id = event.at_us, event.id
    match event.kind:
        case VendorKind.ACTIVITY_COMPLETED:
            return ActivityCompleted(at_us=at_us, id=id, result=_text(event))
        case VendorKind.ACTIVITY_FAILED:
            return ActivityFailed(at_us=at_us, id=id, failure=_failure(event))
        case VendorKind.CHILD_COMPLETED:
            return ChildCompleted(at_us=at_us, id=id, result=_text(event))
        case VendorKind.CHILD_FAILED:
            return ChildFailed(at_us=at_us, id=id, failure=_failure(event))
    return None


def _end(event: VendorEvent) -> HistoryEvent | None:
    match event.kind:
        case VendorKind.SUSPENDED:
            return Suspended(at_us=event.at_us, reason=reason_told(event))
        case VendorKind.RESUMED:
            return Resumed(at_us=event.at_us, reason=reason_told(event))
        case VendorKind.TERMINATED:
            return Terminated(at_us=event.at_us, reason=reason_told(event))
        case VendorKind.COMPLETED | VendorKind.FAILED:
            return end_told(event, at_us=event.at_us)
    return None


def _text(event: VendorEvent) -> str:
    return raw_text(read_payload(event.payload))


def _failure(event: VendorEvent) -> Failure:
    reply = decode_failure(
        error_type=event.error_type, message=event.message, traceback=event.traceback
    )
    return reply.failure or Failure(type=event.error_type, message=event.message)
