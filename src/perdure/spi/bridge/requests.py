"""The inputs of activities and children, and the ends of workflows, as an SDK gets them."""

from __future__ import annotations

import json
import platform
from typing import TYPE_CHECKING

from perdure._version import __version__
from perdure.spi.bridge.envelope import StartEnvelope, encode_start
from perdure.spi.bridge.messages import encode_call, encode_result, wire_failure
from perdure.spi.bridge.openings import derived_id
from perdure.spi.history import Failed
from perdure.spi.program import ActivityTask
from perdure.types import ParentLink

if TYPE_CHECKING:
    from perdure.spi.bridge.envelope import Envelope
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.history import ActivityScheduled, ChildStarted, Completed


def activity_input(scheduled: ActivityScheduled, opening: Opening) -> Envelope:
    """Return the input of an activity."""
    task = ActivityTask(
        instance_id=opening.instance_id,
        run_id=opening.start.run_id,
        workflow=opening.workflow,
        scheduled=scheduled,
        headers=opening.start.headers,
    )
    return encode_call(task)


def child_input(started: ChildStarted, opening: Opening) -> Envelope:
    """Return the input of a child. Its run id is made of the command that starts it."""
    run_id = opening.start.run_id
    child_run_id = derived_id(run_id, "child", str(started.id))
    parent = ParentLink(instance_id=opening.instance_id, run_id=run_id, command_id=started.id)
    start = StartEnvelope(
        run_id=child_run_id,
        seed=child_run_id,
        arguments=started.arguments,
        headers=started.headers,
        tags=started.tags,
        parent=parent,
        python=platform.python_version(),
        version=__version__,
    )
    return encode_start(start)


def output_of(outcome: Completed | Failed, opening: Opening) -> object:
    """Return what the generator returns: an answer to the parent, or the plain result.

    Raises:
        WireFailure: The workflow failed.
    """
    parent = opening.start.parent
    run_id = parent.run_id if parent else ""
    command_id = parent.command_id if parent else 0
    if isinstance(outcome, Failed):
        raise wire_failure(outcome.failure, run_id=run_id, id=command_id)
    if parent is None:
        return json.loads(outcome.result)
    return encode_result(run_id=run_id, id=command_id, result=outcome.result)
