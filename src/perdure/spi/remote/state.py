"""State: what a vendor's server tells of an instance, and what clients are shown of it. Pure."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

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
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorState:
    """What a server tells of an instance.

    Attributes:
        instance_id: Which one.
        name: Its workflow; empty where the server does not tell yet.
        status: How it stands, by the vendor. Never ``CONTINUED_AS_NEW``.
        created_at: When it was created, if that is known.
        began_at: When its current run began, if that is known; by that a run id is made for raw
            input.
        updated_at: When it changed last, if that is known.
        finished_at: When it ended, where the server keeps that apart from its last change.
        input: The JSON text it was started with; ``None`` for none.
        output: That of its result, or of the reason of its termination.
        custom_status: That of its custom status.
        error_type: The class of its failure.
        message: Its message.
        traceback: Its traceback.
    """

    instance_id: str
    name: str
    status: Status
    created_at: datetime | None = None
    began_at: datetime | None = None
    updated_at: datetime | None = None
    finished_at: datetime | None = None
    input: str | None = None
    output: str | None = None
    custom_status: str | None = None
    error_type: str = ""
    message: str = ""
    traceback: str = ""

    @property
    def shown(self) -> ShownStatus:
        """What the custom status says."""
        return decode_shown(self.custom_status)

    @property
    def start(self) -> StartEnvelope | None:
        """What it was started with; ``None`` while the server does not tell.

        Raw input of somebody else's client is taken for arguments, as the worker takes it.
        """
        if not self.name:
            return None
        began_at = self.began_at or self.created_at or _EPOCH
        try:
            return Opening.read(
                json.loads(self.input) if self.input else None,
                instance_id=self.instance_id,
                workflow=self.name,
                at_us=(began_at - _EPOCH) // _MICROSECOND,
            ).start
        except (ValueError, PayloadError) as error:
            extra = {"instance_id": self.instance_id}
            _logger.warning("its input cannot be read: %s", error, extra=extra)
            return StartEnvelope(run_id="", seed="", arguments="{}")


def instance_info(state: VendorState, *, now: datetime) -> InstanceInfo:
    """Return what clients are shown of an instance.

    One of which its server tells nothing yet was created ``now``, as far as is known.
    """
    start, shown = state.start, state.shown
    created_at = _created_at(state, start, now)
    updated_at = max(created_at, state.updated_at or created_at)
    shown_status = _shown_status(state.status, shown, start, now)
    is_over = state.status.is_terminal
    return InstanceInfo(
        instance_id=state.instance_id,
        run_id=start.run_id if start else "",
        name=state.name,
        status=shown_status,
        created_at=created_at,
        updated_at=updated_at,
        finished_at=(state.finished_at or updated_at) if is_over else None,
        start_at=_from_us(start.start_at_us) if start and start.start_at_us else None,
        input_json=start.arguments if start else None,
        output_json=_output_json(state, shown) if state.status is Status.COMPLETED else None,
        custom_status_json=shown.custom_status_json,
        failure=_failure(state) if state.status is Status.FAILED else None,
        reason=text_of(state.output or "") if shown_status is Status.TERMINATED else shown.held,
        parent=start.parent if start else None,
        **({"tags": start.tags, "headers": start.headers} if start else {}),
    )


def text_of(json_text: str) -> str:
    """Return a text that was given as JSON; other clients give it as it is."""
    try:
        value = json.loads(json_text) if json_text else ""
    except ValueError:
        return json_text
    return value if isinstance(value, str) else json_text


def _created_at(state: VendorState, start: StartEnvelope | None, now: datetime) -> datetime:
    if start is not None and start.created_us is not None:
        return _from_us(start.created_us)
    return state.created_at or now


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


def _output_json(state: VendorState, shown: ShownStatus) -> str:
    # As the workflow wrote it, where a vendor's SDK has written a number in another way.
    for note in shown.notes:
        for entry in map(decode_event, note.entries):
            if isinstance(entry, Completed):
                return entry.result
    try:
        value = json.loads(state.output) if state.output else None
    except ValueError:  # somebody else's worker gave a text as it is
        value = state.output
    try:
        reply = decode_result(value)
    except PayloadError:
        reply = None
    if reply is not None and reply.result is not None:
        return reply.result
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _failure(state: VendorState) -> Failure | None:
    return decode_failure(
        error_type=state.error_type, message=state.message, traceback=state.traceback
    ).failure


def _from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
