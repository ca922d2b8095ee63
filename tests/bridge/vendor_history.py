"""The history on the server of a test, in the words of the bridge; and the journal made of it."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from perdure.spi.bridge import VendorEvent, VendorKind, decode_status, project
from perdure.spi.history import Completed, Failed
from tests.bridge.host import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.history import HistoryEvent
    from tests.bridge.host import Host


def projected(host: Host) -> list[HistoryEvent]:
    """Return the journal that the server's history shows."""
    return project(vendor_events(host), decode_status(host.custom_status).notes)


def vendor_events(host: Host) -> list[VendorEvent]:
    """Return the history of an instance."""
    events = []
    for each in host.history:
        at_us = round((each.timestamp.ToDatetime(UTC) - EPOCH).total_seconds() * 1e6)
        read = _READERS[each.WhichOneof("eventType")]
        events.append(read(host, each, at_us))
    end = VendorEvent(kind=VendorKind.COMPLETED, at_us=host.now_us, payload=host.output)
    if host.status == "failed":
        end = _failed(VendorKind.FAILED, host.now_us, host.failure)
    return [*events, end] if host.status in ("completed", "failed") else events


def recorded(host: Host) -> list[HistoryEvent]:
    """Return what the executor has recorded that took the instance furthest.

    How the run ended counts once the server has it.
    """
    bridge: Any = host.executed_by
    journal = [] if bridge.last is None else list(bridge.last.journal)
    if host.status == "running" and journal and isinstance(journal[-1], Completed | Failed):
        journal.pop()
    return journal


def _failed(kind: VendorKind, at_us: int, details: Any, *, id: int = 0) -> VendorEvent:
    return VendorEvent(
        kind=kind,
        at_us=at_us,
        id=id,
        error_type=details.errorType,
        message=details.errorMessage,
        traceback=details.stackTrace.value,
    )


def _text(value: Any) -> str | None:
    return value.value or None


def _completed(kind: VendorKind, field: str) -> Callable[[Host, Any, int], VendorEvent]:
    def read(host: Host, event: Any, at_us: int) -> VendorEvent:
        answer = getattr(event, field)
        id = answer.taskScheduledId
        return VendorEvent(kind=kind, at_us=at_us, id=id, payload=_text(answer.result))

    return read


def _not_completed(kind: VendorKind, field: str) -> Callable[[Host, Any, int], VendorEvent]:
    def read(host: Host, event: Any, at_us: int) -> VendorEvent:
        answer = getattr(event, field)
        return _failed(kind, at_us, answer.failureDetails, id=answer.taskScheduledId)

    return read


def _plain(kind: VendorKind, field: str = "") -> Callable[[Host, Any, int], VendorEvent]:
    def read(host: Host, event: Any, at_us: int) -> VendorEvent:
        payload = _text(getattr(event, field).input) if field else None
        return VendorEvent(kind=kind, at_us=at_us, payload=payload)

    return read


_READERS: dict[str, Callable[[Host, Any, int], VendorEvent]] = {
    "orchestratorStarted": _plain(VendorKind.TURN),
    "executionStarted": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.STARTED,
        at_us=at_us,
        name=e.executionStarted.name,
        instance_id=host.instance_id,
        payload=_text(e.executionStarted.input),
    ),
    "taskScheduled": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.ACTIVITY_SCHEDULED,
        at_us=at_us,
        id=e.eventId,
        name=e.taskScheduled.name,
        payload=_text(e.taskScheduled.input),
    ),
    "taskCompleted": _completed(VendorKind.ACTIVITY_COMPLETED, "taskCompleted"),
    "taskFailed": _not_completed(VendorKind.ACTIVITY_FAILED, "taskFailed"),
    "subOrchestrationInstanceCreated": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.CHILD_CREATED,
        at_us=at_us,
        id=e.eventId,
        name=e.subOrchestrationInstanceCreated.name,
        instance_id=e.subOrchestrationInstanceCreated.instanceId,
        payload=_text(e.subOrchestrationInstanceCreated.input),
    ),
    "subOrchestrationInstanceCompleted": _completed(
        VendorKind.CHILD_COMPLETED, "subOrchestrationInstanceCompleted"
    ),
    "subOrchestrationInstanceFailed": _not_completed(
        VendorKind.CHILD_FAILED, "subOrchestrationInstanceFailed"
    ),
    "timerCreated": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.TIMER_CREATED,
        at_us=at_us,
        id=e.eventId,
        name=host.timer_texts.get(e.eventId, ""),
    ),
    "timerFired": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.TIMER_FIRED, at_us=at_us, id=e.timerFired.timerId
    ),
    "eventRaised": lambda host, e, at_us: VendorEvent(
        kind=VendorKind.EVENT,
        at_us=at_us,
        name=e.eventRaised.name,
        payload=_text(e.eventRaised.input),
    ),
    "executionSuspended": _plain(VendorKind.SUSPENDED, "executionSuspended"),
    "executionResumed": _plain(VendorKind.RESUMED, "executionResumed"),
    "executionTerminated": _plain(VendorKind.TERMINATED, "executionTerminated"),
}
