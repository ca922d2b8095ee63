"""Mapping: Dapr's state of an instance as perdure's. Pure."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import PayloadError
from perdure.spi.bridge import StartEnvelope, decode_failure, decode_result
from perdure.spi.bridge import decode_status as decode_shown
from perdure.spi.bridge.openings import Opening
from perdure.spi.history import Completed
from perdure.spi.journal import decode_event
from perdure.types import InstanceInfo, Status

if TYPE_CHECKING:
    from perdure.spi.bridge import ShownStatus
    from perdure.types import Failure

_logger = logging.getLogger(__name__)

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_STATUSES: Final = {
    "RUNNING": Status.RUNNING,
    "COMPLETED": Status.COMPLETED,
    # The instance goes on, with its next run.
    "CONTINUED_AS_NEW": Status.RUNNING,
    "FAILED": Status.FAILED,
    "TERMINATED": Status.TERMINATED,
    "PENDING": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
    "STALLED": Status.STALLED,
}
_PREFIX: Final = "ORCHESTRATION_STATUS_"


def instance_info(state: Any, *, now: datetime) -> InstanceInfo:
    """Return what clients are shown of an instance.

    Dapr tells nothing of one whose first turn has not run but that it is there. Such a one has no
    name, and was created ``now``, as far as is known.

    Args:
        state: Dapr's ``WorkflowState``, with payloads.
        now: The present instant.
    """
    status = status_of(state)
    shown = decode_shown(state.customStatus.value if state.HasField("customStatus") else None)
    start = start_of(state)
    created_at = _created_at(state, start, now)
    updated_at = max(created_at, _instant(state.lastUpdatedTimestamp) or created_at)
    shown_status = _shown_status(status, shown, start, now)
    return InstanceInfo(
        instance_id=state.instanceId,
        run_id=start.run_id if start else "",
        name=state.name,
        status=shown_status,
        created_at=created_at,
        updated_at=updated_at,
        finished_at=updated_at if status.is_terminal else None,
        start_at=_from_us(start.start_at_us) if start and start.start_at_us else None,
        input_json=start.arguments if start else None,
        output_json=_output_json(state, shown) if status is Status.COMPLETED else None,
        custom_status_json=shown.custom_status_json,
        failure=_failure(state) if status is Status.FAILED else None,
        reason=_reason(state, shown_status, shown),
        parent=start.parent if start else None,
        **({"tags": start.tags, "headers": start.headers} if start else {}),
    )


def status_of(state: Any) -> Status:
    """Return what Dapr says of an instance; one that nobody knows is logged."""
    field = state.DESCRIPTOR.fields_by_name["workflowStatus"]
    number = state.workflowStatus
    value = field.enum_type.values_by_number.get(number)
    name = value.name.removeprefix(_PREFIX) if value else str(number)
    status = _STATUSES.get(name)
    if status is None:
        _logger.warning(
            "unknown status %s", name, extra={"instance_id": getattr(state, "instanceId", "")}
        )
        return Status.UNKNOWN
    return status


def start_of(state: Any) -> StartEnvelope | None:
    """Return what an instance was started with; ``None`` while Dapr does not tell.

    Raw input of somebody else's client is taken for arguments, as the worker takes it.
    """
    if not state.name:
        return None
    text = state.input.value if state.HasField("input") else ""
    began = _began(state)
    try:
        return Opening.read(
            json.loads(text) if text else None,
            instance_id=state.instanceId,
            workflow=state.name,
            at_us=(began - _EPOCH) // timedelta(microseconds=1),
        ).start
    except (ValueError, PayloadError) as error:
        extra = {"instance_id": state.instanceId}
        _logger.warning("its input cannot be read: %s", error, extra=extra)
        return StartEnvelope(run_id="", seed="", arguments="{}")


def _began(state: Any) -> datetime:
    # Messages of SDK 1.18 do not have the field; the run id of raw input is then another than the
    # worker's, which is only shown.
    started = _instant(state.startedAt) if "startedAt" in state.DESCRIPTOR.fields_by_name else None
    return started or _instant(state.createdTimestamp) or _EPOCH


def _created_at(state: Any, start: StartEnvelope | None, now: datetime) -> datetime:
    if start is not None and start.created_us is not None:
        return _from_us(start.created_us)
    return _instant(state.createdTimestamp) or now


def _shown_status(
    status: Status, shown: ShownStatus, start: StartEnvelope | None, now: datetime
) -> Status:
    if status is not Status.RUNNING:
        return status
    if shown.is_stalled:
        return Status.STALLED
    if start is not None and start.start_at_us and _from_us(start.start_at_us) > now:
        return Status.PENDING
    return status


def _output_json(state: Any, shown: ShownStatus) -> str:
    # As the workflow wrote it, where Dapr's SDK has written a number in another way.
    for note in shown.notes:
        for entry in map(decode_event, note.entries):
            if isinstance(entry, Completed):
                return entry.result
    text = state.output.value if state.HasField("output") else ""
    value = json.loads(text) if text else None
    try:
        reply = decode_result(value)
    except PayloadError:
        reply = None
    if reply is not None and reply.result is not None:
        return reply.result
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _failure(state: Any) -> Failure | None:
    details = state.failureDetails
    return decode_failure(
        error_type=details.errorType,
        message=details.errorMessage,
        traceback=details.stackTrace.value,
    ).failure


def _reason(state: Any, status: Status, shown: ShownStatus) -> str | None:
    if status is Status.TERMINATED:
        return text_of(state.output.value)
    return shown.held


def text_of(json_text: str) -> str:
    """Return a text that was given as JSON; other clients give it as it is."""
    try:
        value = json.loads(json_text) if json_text else ""
    except ValueError:
        return json_text
    return value if isinstance(value, str) else json_text


def _instant(timestamp: Any) -> datetime | None:
    """Return an instant; ``None`` for Dapr's year 1, which is none."""
    if timestamp.seconds <= 0:
        return None
    us = timestamp.seconds * 1_000_000 + timestamp.nanos // 1_000
    return _from_us(us)


def _from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
