"""The inputs of activities and children, and the ends of workflows, as an SDK gets them."""

from __future__ import annotations

import json
import platform
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure._version import __version__
from perdure.spi.bridge.envelope import StartEnvelope, encode_start
from perdure.spi.bridge.messages import encode_call, encode_errand, encode_result, wire_failure
from perdure.spi.bridge.openings import derived_id
from perdure.spi.history import Failed
from perdure.spi.program import ActivityTask
from perdure.types import ParentLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.bridge.envelope import Envelope
    from perdure.spi.bridge.notes import Note
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.bridge.script import AnswerParent, EndChildren
    from perdure.spi.history import ActivityScheduled, ChildStarted, Completed


def activity_input(
    scheduled: ActivityScheduled, opening: Opening, *, step: int, notes: Sequence[Note]
) -> Envelope:
    """Return the input of an activity that a step asks for."""
    task = ActivityTask(
        instance_id=opening.instance_id,
        run_id=opening.start.run_id,
        workflow=opening.workflow,
        scheduled=scheduled,
        headers=opening.start.headers,
    )
    return encode_call(task, step=step, notes=notes)


def child_input(
    started: ChildStarted, opening: Opening, *, step: int, notes: Sequence[Note]
) -> Envelope:
    """Return the input of a child that the vendor starts."""
    start = _child_start(started, opening)
    return encode_errand(encode_start(start), step=step, notes=notes)


def detached_child_input(
    started: ChildStarted, opening: Opening, *, step: int, notes: Sequence[Note]
) -> Envelope:
    """Return the input of the activity that starts a child."""
    start = replace(_child_start(started, opening), is_detached=True)
    content = {
        "workflow": started.workflow,
        "instance_id": started.instance_id,
        "start": encode_start(start),
    }
    return encode_errand(content, step=step, notes=notes)


def end_children_input(
    ending: EndChildren, opening: Opening, *, step: int, notes: Sequence[Note]
) -> Envelope:
    """Return the input of the activity that ends children."""
    content = {
        "instance_ids": list(ending.instance_ids),
        "reason": f"its parent {opening.instance_id!r} has ended",
    }
    return encode_errand(content, step=step, notes=notes)


def answer_input(answer: AnswerParent, *, step: int, notes: Sequence[Note]) -> Envelope:
    """Return the input of the activity that answers a parent."""
    content = {"instance_id": answer.parent.instance_id, "answer": answer.payload}
    return encode_errand(content, step=step, notes=notes)


def output_of(outcome: Completed | Failed, opening: Opening, *, step: int) -> object:
    """Return what the generator returns: an answer to the parent, or the plain result.

    Args:
        outcome: How the run ended.
        opening: How it began.
        step: The step that ended it. An SDK hands over nothing behind a failure.

    Raises:
        WireFailure: The workflow failed.
    """
    # Nobody but the vendor reads what a child returns that the vendor does not know as one.
    parent = None if opening.start.is_detached else opening.start.parent
    run_id = parent.run_id if parent else ""
    command_id = parent.command_id if parent else 0
    if isinstance(outcome, Failed):
        raise wire_failure(outcome.failure, run_id=run_id, id=command_id, step=step)
    if parent is None:
        return json.loads(outcome.result)
    return encode_result(run_id=run_id, id=command_id, result=outcome.result)


def _child_start(started: ChildStarted, opening: Opening) -> StartEnvelope:
    """Return the start of a child. Its run id is made of the command that starts it."""
    run_id = opening.start.run_id
    child_run_id = derived_id(run_id, "child", str(started.id))
    return StartEnvelope(
        run_id=child_run_id,
        seed=child_run_id,
        arguments=started.arguments,
        headers=started.headers,
        tags=started.tags,
        parent=ParentLink(instance_id=opening.instance_id, run_id=run_id, command_id=started.id),
        created_us=started.at_us,
        on_parent_end=started.on_parent_end,
        python=platform.python_version(),
        version=__version__,
    )
