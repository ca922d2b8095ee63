"""What travels while a run goes on: calls of activities, answers and failures.

A failure travels in the message of an exception of the SDK, after a line for people, because
servers keep only type, message and traceback of one. An answer names the command it belongs to:
one that belongs to another shows that the code has changed, one of another run is late. All of it
stays in history, so what has its usual value is left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from perdure.errors import WorkflowTerminatedError
from perdure.spi.bridge.envelope import ENVELOPE_VERSION, MARK, Envelope, damaged, is_marked
from perdure.spi.bridge.notes import encode_notes
from perdure.spi.history import ActivityScheduled
from perdure.spi.journal import failure_from_data, failure_to_data
from perdure.spi.program import ActivityTask
from perdure.types import Failure, type_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure.spi.bridge.notes import Note

END_CHILDREN = "perdure.end-children"
"""The reserved activity that terminates the children of a workflow that has ended."""

START_CHILD = "perdure.start-child"
"""The reserved activity that starts a child that the vendor does not know as one."""

ANSWER_PARENT = "perdure.answer-parent"
"""The reserved activity by which such a child tells its parent how it ended."""

REFUSED_CHILD = "false"
"""The result of ``START_CHILD`` where the id of the child is taken."""

_RUN_MARK_LENGTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to a command: a result or a failure.

    Attributes:
        run: The mark of the run it answers; empty where the answer is somebody else's.
        id: The command it answers.
        refusal: Why a worker would not run the activity, if that is the answer.
    """

    run: str = ""
    id: int = 0
    result: str | None = None
    failure: Failure | None = None
    refusal: str | None = None


class WireFailure(Exception):
    """Ends an activity or a workflow in an SDK. Its message carries a failure in full."""


def run_mark(run_id: str) -> str:
    """Return the part of a run's id that tells its answers from those of the runs beside it."""
    return run_id[:_RUN_MARK_LENGTH]


def answer_of(run_id: str, id: int) -> str:
    """Return what an answer says that it is of."""
    return f"{run_mark(run_id)}:{id}"


def encode_call(task: ActivityTask, *, step: int = 0, notes: Sequence[Note] = ()) -> Envelope:
    """Return the input of an activity that a step asks for. The SDK adds the instance."""
    scheduled = task.scheduled
    envelope: Envelope = {
        MARK: ENVELOPE_VERSION,
        "run_id": task.run_id,
        "workflow": task.workflow,
        "id": scheduled.id,
        "arguments": scheduled.arguments,
    }
    if scheduled.attempt != 1:
        envelope["attempt"] = scheduled.attempt
    if scheduled.key_id != scheduled.id:
        envelope["key_id"] = scheduled.key_id
    if scheduled.timeout_us is not None:
        envelope["timeout_us"] = scheduled.timeout_us
    if scheduled.delivery != "at_least_once":
        envelope["delivery"] = scheduled.delivery
    if task.headers:
        envelope["headers"] = dict(task.headers)
    return _carrying(envelope, step=step, notes=notes)


def decode_call(value: object, *, activity: str, instance_id: str) -> ActivityTask | None:
    """Return a call of an activity; ``None`` where somebody else's workflow makes it.

    Raises:
        PayloadError: It is an envelope, and not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        return None
    try:
        id: int = value["id"]
        return ActivityTask(
            instance_id=instance_id,
            run_id=value["run_id"],
            workflow=value["workflow"],
            scheduled=ActivityScheduled(
                at_us=0,
                name=activity,
                id=id,
                arguments=value["arguments"],
                attempt=value.get("attempt", 1),
                key_id=value.get("key_id", id),
                timeout_us=value.get("timeout_us"),
                delivery=value.get("delivery", "at_least_once"),
            ),
            headers=dict(value.get("headers", {})),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise damaged(f"call of activity {activity!r}", err) from err


def encode_errand(
    content: Mapping[str, Any], *, step: int = 0, notes: Sequence[Note] = ()
) -> Envelope:
    """Return the input of a reserved activity."""
    return _carrying({MARK: ENVELOPE_VERSION, **content}, step=step, notes=notes)


def encode_result(*, run_id: str, id: int, result: str) -> Envelope:
    """Return the answer to a command."""
    return {MARK: ENVELOPE_VERSION, "of": answer_of(run_id, id), "result": result}


def decode_result(value: object) -> Reply | None:
    """Return an answer; ``None`` where it is somebody else's value.

    Raises:
        PayloadError: It is an envelope, and not whole.
    """
    if not isinstance(value, dict) or not is_marked(value):
        return None
    try:
        run, id = _read_of(value["of"])
        return Reply(run=run, id=id, result=value["result"])
    except (KeyError, TypeError, ValueError) as err:
        raise damaged("result", err) from err


def wire_failure(failure: Failure, *, run_id: str = "", id: int = 0, step: int = 0) -> WireFailure:
    """Return the exception to raise out of an activity or a workflow.

    Its class has the name of what failed, since that is what vendors' tools show.

    Args:
        failure: What failed.
        run_id: The run it is an answer to.
        id: The command of that run.
        step: The step that ended the workflow.
    """
    content = {"of": answer_of(run_id, id), "failure": failure_to_data(failure)}
    return _wire(failure, _carrying(content, step=step, notes=()))


def wire_refusal(error: Exception, *, run_id: str, id: int) -> WireFailure:
    """Return the exception to raise out of an activity that this worker will not run.

    It is no failure of the attempt: the instance waits for a worker that can.
    """
    failure = Failure.from_exception(error, with_traceback=False)
    return _wire(failure, {"of": answer_of(run_id, id), "refusal": failure.message})


def reply_in(data: dict[str, Any]) -> Reply:
    """Return the answer that an envelope holds. Raises what comes of one that is not whole."""
    run, id = _read_of(data["of"])
    if "failure" in data:
        return Reply(run=run, id=id, failure=failure_from_data(data["failure"]))
    if "refusal" in data:
        return Reply(run=run, id=id, refusal=str(data["refusal"]))
    return Reply(run=run, id=id, result=data["result"])


def decode_failure(*, error_type: str, message: str, traceback: str = "") -> Reply:
    """Return the failure that an SDK tells of: perdure's own in full, another's as far as known.

    An SDK tells nothing at all of a child that was terminated.
    """
    line = message.rpartition("\n")[2]
    if line.startswith(f'{{"{MARK}":'):
        try:
            return reply_in(json.loads(line))
        except (AttributeError, KeyError, TypeError, ValueError):
            pass  # cut short on its way: what can be read of it is told as somebody else's
    if not error_type and not message:
        error_type = type_name(WorkflowTerminatedError)
    failure = Failure(
        type=error_type.removeprefix("builtins."), message=message, traceback=traceback
    )
    return Reply(failure=failure)


def failed_step(message: str) -> int | None:
    """Return the step that ended a workflow, as its failure tells; ``None`` if it does not."""
    line = message.rpartition("\n")[2]
    if not line.startswith(f'{{"{MARK}":'):
        return None
    try:
        step = json.loads(line).get("s", 0)
    except (AttributeError, ValueError):
        return None
    return step if isinstance(step, int) else None


def _carrying(envelope: Envelope, *, step: int, notes: Sequence[Note]) -> Envelope:
    if step:
        envelope["s"] = step
    if notes:
        envelope["notes"] = encode_notes(notes)
    return envelope


def _read_of(text: str) -> tuple[str, int]:
    run, _, id = text.rpartition(":")
    return run, int(id)


def _wire(failure: Failure, content: Envelope) -> WireFailure:
    module, _, name = failure.type.rpartition(".")
    members = {"__module__": module or "builtins"}
    kind: type[WireFailure] = type(name or "Failure", (WireFailure,), members)
    # For people, and for the wire: protobuf takes no half of a surrogate pair.
    line = f"{failure.type}: {failure.message}".encode(errors="backslashreplace").decode()
    return kind(f"{line}\n{json.dumps({MARK: ENVELOPE_VERSION, **content})}")
