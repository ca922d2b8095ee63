"""Activities behind an SDK's functions: run by the program, answered with envelopes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from perdure.spi.bridge.envelope import raw_text
from perdure.spi.bridge.messages import decode_call, encode_result, wire_failure
from perdure.spi.history import ActivityScheduled
from perdure.spi.program import ActivityTask

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure.spi.program import Program


class ActivityContext(Protocol):
    """The SDK's context of one activity."""

    @property
    def orchestration_id(self) -> str:
        """The instance that asked for it."""

    @property
    def task_id(self) -> int:
        """The vendor's number of the command."""


async def run_activity(program: Program, name: str, context: ActivityContext, value: object) -> Any:
    """Run one attempt and return what the SDK is to answer with.

    A workflow of somebody else's may ask too: it gets the plain result.

    Raises:
        WireFailure: The attempt failed.
        ActivityNotRegisteredError: ``program`` lacks the activity.
        PayloadError: The call is an envelope, and not whole.
    """
    call = decode_call(value, activity=name)
    task = call or _foreign_call(name, context, value)
    outcome = await program.run_activity(task)
    if outcome.failure is not None:
        raise wire_failure(outcome.failure, run_id=task.run_id, id=task.scheduled.id)
    result = outcome.result or "null"
    if call is None:
        return json.loads(result)
    return encode_result(run_id=task.run_id, id=task.scheduled.id, result=result)


def activity_function(
    program: Program, name: str, loop: asyncio.AbstractEventLoop
) -> Callable[[ActivityContext, Any], Any]:
    """Return a plain function for an SDK that runs activities in threads of its own."""

    def activity(context: ActivityContext, value: Any = None) -> Any:
        coroutine = run_activity(program, name, context, value)
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    activity.__name__ = activity.__qualname__ = name
    return activity


def _foreign_call(name: str, context: ActivityContext, value: object) -> ActivityTask:
    scheduled = ActivityScheduled(
        at_us=0,
        id=context.task_id,
        name=name,
        arguments="{}" if value is None else raw_text(value),
    )
    return ActivityTask(
        instance_id=context.orchestration_id, run_id="", workflow="", scheduled=scheduled
    )
