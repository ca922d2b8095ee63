"""Turns whose answer is too large for the scheduler: the instance ends, and its parent is told.

Single payloads are kept below the limit. What can still be over it is a custom status, and events
that are carried on inline. Pure.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from perdure.errors import PayloadError
from perdure.spi.bridge import (
    CHILD_ANSWER,
    EVENT_CHANNEL,
    decode_start,
    encode_child_answer,
    encode_event,
    to_text,
)
from perdure.spi.remote.ending import tied_children
from perdure.types import Failure
from perdure_azure import sdk
from perdure_azure.history import vendor_events

if TYPE_CHECKING:
    from perdure.errors import PayloadTooLargeError
    from perdure.spi.bridge import StartEnvelope


def failed_turn(answer: Any, error: PayloadTooLargeError) -> Any:
    """Return the answer that ends the instance in the place of ``answer``."""
    details = sdk.helpers.new_failure_details(error)
    status = sdk.pb.ORCHESTRATION_STATUS_FAILED
    end = sdk.helpers.new_complete_orchestration_action(-1, status, None, details)
    return sdk.pb.OrchestratorResponse(
        instanceId=answer.instanceId, completionToken=answer.completionToken, actions=[end]
    )


def word_to_parent(request: Any, error: PayloadTooLargeError) -> Any | None:
    """Return the event for a parent that the scheduler does not know as one, if there is one.

    Args:
        request: The turn, as the scheduler has handed it out.
        error: Why its answer was refused.
    """
    start = _start_of(request)
    if start is None or start.parent is None or not start.is_detached:
        return None
    failure = Failure.from_exception(error, with_traceback=False)
    answer = encode_child_answer(start.parent, failure=failure)
    # Each time it is tried the same, so that the parent hears it once.
    event = encode_event(CHILD_ANSWER, answer, id=start.run_id[:16])
    return sdk.pb.RaiseEventRequest(
        instanceId=start.parent.instance_id,
        name=EVENT_CHANNEL,
        input=sdk.StringValue(value=to_text(event)),
    )


def ends_of_children(request: Any, instance_id: str) -> list[Any]:
    """Return what ends the children that end with the instance, and those of theirs."""
    history = [*request.pastEvents, *request.newEvents]
    children = tied_children(vendor_events(history, instance_id=instance_id))
    reason = sdk.StringValue(value=json.dumps(f"its parent {instance_id!r} has ended"))
    return [
        sdk.pb.TerminateRequest(instanceId=child, output=reason, recursive=True)
        for child in children
    ]


def _start_of(request: Any) -> StartEnvelope | None:
    for event in itertools.chain(request.pastEvents, request.newEvents):
        if event.HasField("executionStarted"):
            try:
                text = event.executionStarted.input.value
                return decode_start(sdk.plain_json.deserialize(text))
            except (PayloadError, ValueError):
                return None
    return None
