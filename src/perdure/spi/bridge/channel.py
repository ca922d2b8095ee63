"""The channel: the one vendor event by which an instance is told of events, and of its children.

The waits on it are renewed for the whole run, so that nothing is left in the vendor's buffer.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from perdure.spi.bridge.envelope import ENVELOPE_VERSION, MARK, damaged, is_marked
from perdure.spi.bridge.messages import Reply, answer_of, reply_in
from perdure.spi.history import BufferedEvent
from perdure.spi.journal import failure_to_data

if TYPE_CHECKING:
    from perdure.spi.bridge.envelope import Envelope
    from perdure.types import Failure, ParentLink

EVENT_CHANNEL = "perdure.event"
"""The one vendor event name under which perdure's events travel."""

WAKE_EVENT = "perdure.wake"
"""An event on the channel that the workflow does not see: it only has the instance looked at."""

CHILD_ANSWER = "perdure.child-answer"
"""The event on a parent's channel that tells the end of a child the vendor does not know as one."""


def encode_event(name: str, payload: str, id: str = "") -> Envelope:
    """Return an event for the channel.

    Args:
        name: Its name.
        payload: Its value, as JSON text.
        id: What tells it from others: where a call is repeated that may have been heard, the same
            once more. Of several of one id the workflow gets the first.
    """
    event: Envelope = {MARK: ENVELOPE_VERSION, "name": name, "payload": payload}
    if id:
        event["id"] = id
    return event


def decode_event(value: object) -> BufferedEvent:
    """Return an event from the channel.

    Raises:
        PayloadError: It is no envelope, or not whole; nobody but perdure uses the channel.
    """
    try:
        if isinstance(value, dict) and is_marked(value):
            name, payload = value["name"], value["payload"]
            if isinstance(name, str) and isinstance(payload, str):
                return BufferedEvent(name=name, payload=payload)
        raise TypeError("not an event")
    except (KeyError, TypeError) as err:
        raise damaged("event", err) from err


def event_id(value: object) -> str:
    """Return what tells an event from others; empty where nothing does."""
    id = value.get("id") if isinstance(value, dict) and is_marked(value) else None
    return id if isinstance(id, str) else ""


def encode_child_answer(
    parent: ParentLink, *, result: str | None = None, failure: Failure | None = None
) -> str:
    """Return the payload of a ``CHILD_ANSWER``, as JSON text."""
    answer: Envelope = {MARK: ENVELOPE_VERSION, "of": answer_of(parent.run_id, parent.command_id)}
    if failure is not None:
        answer["failure"] = failure_to_data(failure)
    else:
        answer["result"] = "null" if result is None else result
    return json.dumps(answer, separators=(",", ":"))


def decode_child_answer(payload: str) -> Reply:
    """Return what a child answers.

    Raises:
        PayloadError: It is not whole.
    """
    try:
        return reply_in(json.loads(payload))
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise damaged("answer of a child", err) from err
