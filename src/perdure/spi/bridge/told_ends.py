"""How a run ended, as a vendor's history tells it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.errors import PayloadError
from perdure.spi.bridge.envelope import decode_start
from perdure.spi.bridge.messages import decode_failure, decode_result
from perdure.spi.bridge.notes import canonical
from perdure.spi.bridge.vendor_events import VendorEvent, VendorKind
from perdure.spi.bridge.wire_operations import read_payload
from perdure.spi.history import Completed, ContinuedAsNew, Failed
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure.spi.bridge.envelope import StartEnvelope


def end_told(event: VendorEvent, *, at_us: int) -> Completed | Failed:
    """Return the end of which an event tells."""
    if event.kind is VendorKind.FAILED:
        reply = decode_failure(
            error_type=event.error_type, message=event.message, traceback=event.traceback
        )
        failure = reply.failure or Failure(type=event.error_type, message=event.message)
        return Failed(at_us=at_us, failure=failure)
    value = read_payload(event.payload)
    try:
        reply_of_child = decode_result(value)
    except PayloadError:
        reply_of_child = None
    if reply_of_child is not None:
        return Completed(at_us=at_us, result=reply_of_child.result or "null")
    return Completed(at_us=at_us, result=canonical(value))


def next_told(event: VendorEvent) -> StartEnvelope | None:
    """Return the start of the run that follows, if the event holds it."""
    try:
        return decode_start(read_payload(event.payload))
    except PayloadError:
        return None


def continued_told(start: StartEnvelope, *, at_us: int) -> ContinuedAsNew:
    """Return the end of a run that another one follows."""
    return ContinuedAsNew(at_us=at_us, arguments=start.arguments, carried=start.carried)


def reason_told(event: VendorEvent) -> str:
    """Return the reason that stands in an event."""
    value = read_payload(event.payload)
    if value is None:
        return ""
    return value if isinstance(value, str) else (event.payload or "")
