"""What travels while a run goes on: calls of activities, answers, failures and events.

A failure travels in the message of an exception of the SDK, after a line for people, because
servers keep only type, message and traceback of one. An answer names the command it belongs to:
one that belongs to another shows that the code has changed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from perdure.errors import WorkflowTerminatedError
from perdure.spi.bridge.envelope import ENVELOPE_VERSION, MARK, Envelope, damaged, is_marked
from perdure.spi.history import ActivityScheduled, BufferedEvent
from perdure.spi.journal import failure_from_data, failure_to_data
from perdure.spi.program import ActivityTask
from perdure.types import Failure, type_name

EVENT_CHANNEL = "perdure.event"
"""The one vendor event name under which perdure's events travel."""

WAKE_EVENT = "perdure.wake"
"""An event on the channel that the workflow does not see: it only has the instance looked at."""

END_CHILDREN = "perdure.end-children"
"""The reserved activity that terminates the children of a workflow that has ended."""

_CALL_FIELDS = ("id", "arguments", "attempt", "key_id", "timeout_us", "delivery")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a command: a result or a failure.

    Attributes:
        run_id: The run it answers; empty where the answer is somebody else's and says nothing.
        id: The command it answers.
    """

    run_id: str = ""
    id: int = 0
    result: str | None = None
    failure: Failure | None = None


class WireFailure(Exception):
    """Ends an activity or a workflow in an SDK. Its message carries a failure in full."""


def encode_call(task: ActivityTask) -> Envelope:
    """Return the input of an activity."""
    scheduled = task.scheduled
    envelope: Envelope = {
        MARK: ENVELOPE_VERSION,
        "instance_id": task.instance_id,
        "run_id": task.run_id,
        "workflow": task.workflow,
    }
    envelope.update((name, getattr(scheduled, name)) for name in _CALL_FIELDS)
    if task.headers:
        envelope["headers"] = dict(task.headers)
    return envelope


def decode_call(value: object, *, activity: str) -> ActivityTask | None:
    """Return a call of an activity; ``None`` where somebody else's workflow makes it.

    Raises:
        PayloadError: It is an envelope, and not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        return None
    try:
        call: dict[str, Any] = {name: value[name] for name in _CALL_FIELDS}
        return ActivityTask(
            instance_id=value["instance_id"],
            run_id=value["run_id"],
            workflow=value["workflow"],
            scheduled=ActivityScheduled(at_us=0, name=activity, **call),
            headers=dict(value.get("headers", {})),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise damaged(f"call of activity {activity!r}", err) from err


def encode_result(*, run_id: str, id: int, result: str) -> Envelope:
    """Return the answer to a command."""
    return {MARK: ENVELOPE_VERSION, "run_id": run_id, "id": id, "result": result}


def decode_result(value: object) -> Reply | None:
    """Return an answer; ``None`` where it is somebody else's value.

    Raises:
        PayloadError: It is an envelope, and not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        return None
    try:
        return Reply(run_id=value["run_id"], id=value["id"], result=value["result"])
    except KeyError as err:
        raise damaged("result", err) from err


def wire_failure(failure: Failure, *, run_id: str = "", id: int = 0) -> WireFailure:
    """Return the exception to raise out of an activity or a workflow.

    Its class has the name of what failed, since that is what vendors' tools show.
    """
    envelope = {
        MARK: ENVELOPE_VERSION,
        "run_id": run_id,
        "id": id,
        "failure": failure_to_data(failure),
    }
    module, _, name = failure.type.rpartition(".")
    members = {"__module__": module or "builtins"}
    kind: type[WireFailure] = type(name or "Failure", (WireFailure,), members)
    # For people, and for the wire: protobuf takes no half of a surrogate pair.
    line = f"{failure.type}: {failure.message}".encode(errors="backslashreplace").decode()
    return kind(f"{line}\n{json.dumps(envelope)}")


def decode_failure(*, error_type: str, message: str, traceback: str = "") -> Reply:
    """Return the failure that an SDK tells of: perdure's own in full, another's as far as known.

    An SDK tells nothing at all of a child that was terminated.
    """
    line = message.rpartition("\n")[2]
    if line.startswith(f'{{"{MARK}":'):
        try:
            data = json.loads(line)
            failure = failure_from_data(data["failure"])
            return Reply(run_id=data["run_id"], id=data["id"], failure=failure)
        except (KeyError, TypeError, ValueError):
            pass  # cut short on its way: what can be read of it is told as somebody else's
    if not error_type and not message:
        error_type = type_name(WorkflowTerminatedError)
    failure = Failure(
        type=error_type.removeprefix("builtins."), message=message, traceback=traceback
    )
    return Reply(failure=failure)


def encode_event(name: str, payload: str) -> Envelope:
    """Return an event for the channel."""
    return {MARK: ENVELOPE_VERSION, "name": name, "payload": payload}


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
