"""Activities behind an SDK's functions: run by the program, answered with envelopes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from perdure.errors import ActivityNotRegisteredError, PayloadError, PayloadStoreError
from perdure.spi.bridge.envelope import raw_text
from perdure.spi.bridge.messages import decode_call, encode_result, wire_failure, wire_refusal
from perdure.spi.history import ActivityScheduled
from perdure.spi.program import ActivityTask

if TYPE_CHECKING:
    from perdure.spi.bridge.result_record import ResultRecord
    from perdure.spi.program import Program


Activity = Callable[["ActivityContext", Any], Any]
Runner = Callable[["ActivityContext", Any], Coroutine[Any, Any, Any]]


class ActivityContext(Protocol):
    """The SDK's context of one activity."""

    @property
    def orchestration_id(self) -> str:
        """The instance that asked for it."""

    @property
    def task_id(self) -> int:
        """The vendor's number of the command."""


async def run_activity(
    program: Program,
    name: str,
    context: ActivityContext,
    value: object,
    results: ResultRecord | None = None,
) -> Any:
    """Run one attempt and return what the SDK is to answer with.

    With ``results``, one that ended before is answered from there. A workflow of somebody else's
    may ask too: it gets the plain result, and as nothing tells its attempts apart, not from there.

    Raises:
        WireFailure: The attempt failed, or this worker cannot run it: it lacks the activity, or
            cannot read the arguments. The instance then waits for a worker that can.
        ActivityNotRegisteredError: ``program`` lacks what a workflow of somebody else's asks for.
        PayloadError: The call is an envelope, and not whole.
        RuntimeError: ``results`` is closed.
    """
    call = decode_call(value, activity=name, instance_id=context.orchestration_id)
    task = call or _foreign_call(name, context, value)
    try:
        if call is None or results is None:
            outcome = await program.run_activity(task)
        else:
            outcome = await results.run(call, program.run_activity)
    except (ActivityNotRegisteredError, PayloadError, PayloadStoreError) as error:
        if call is None:
            raise
        raise wire_refusal(error, run_id=call.run_id, id=call.scheduled.id) from error
    if outcome.failure is not None:
        raise wire_failure(outcome.failure, run_id=task.run_id, id=task.scheduled.id)
    result = outcome.result or "null"
    if call is None:
        return json.loads(result)
    return encode_result(run_id=task.run_id, id=task.scheduled.id, result=result)


def threaded(name: str, run: Runner, loop: asyncio.AbstractEventLoop) -> Activity:
    """Return a plain function for an SDK that runs activities in threads of its own."""

    def activity(context: ActivityContext, value: Any = None) -> Any:
        return asyncio.run_coroutine_threadsafe(run(context, value), loop).result()

    activity.__name__ = activity.__qualname__ = name
    return activity


def awaited(name: str, run: Runner, loop: asyncio.AbstractEventLoop) -> Runner:
    """Return a coroutine function for an SDK that awaits activities on an event loop of its own.

    The activity runs on ``loop`` and holds no thread; it is cancelled with the coroutine.
    """

    async def activity(context: ActivityContext, value: Any = None) -> Any:
        if asyncio.get_running_loop() is loop:
            return await run(context, value)
        future = asyncio.run_coroutine_threadsafe(run(context, value), loop)
        return await asyncio.wrap_future(future)

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
