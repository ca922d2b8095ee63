"""The payloads of activities: read before an attempt runs, stored after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import PayloadTooLargeError
from perdure.payloads.home import Home, enter_home
from perdure.payloads.places import ROOT_HEADER, what_of, without_root
from perdure.spi.program import ActivityOutcome
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure.payloads.pipeline import PayloadPipeline
    from perdure.spi.program import ActivityTask


async def opened_task(pipeline: PayloadPipeline, task: ActivityTask) -> ActivityTask:
    """Return a task with plain arguments; from now on this context knows where blobs go.

    Raises:
        PayloadError: The arguments cannot be read.
        PayloadStoreError: The store cannot be reached.
    """
    enter_home(Home(pipeline=pipeline, root=_root_of(task)))
    scheduled = task.scheduled
    plain = await pipeline.read_async(scheduled.arguments, what=what_of(scheduled), is_patient=True)
    if plain is not scheduled.arguments:
        scheduled = replace(scheduled, arguments=plain)
    return replace(task, scheduled=scheduled, headers=without_root(task.headers))


async def stored_outcome(
    pipeline: PayloadPipeline, task: ActivityTask, outcome: ActivityOutcome
) -> ActivityOutcome:
    """Return an outcome with its result as it is stored.

    Raises:
        PayloadStoreError: The store cannot be reached.
    """
    budget = pipeline.budgets.get(task.run_id)
    if outcome.result is None or pipeline.passes(outcome.result, budget):
        return outcome
    try:
        result = await pipeline.store_async(
            outcome.result,
            root=_root_of(task),
            what=f"result of activity {task.scheduled.name!r}",
            budget=budget,
            is_patient=True,
        )
    except PayloadTooLargeError as err:
        return ActivityOutcome(failure=Failure.from_exception(err, with_traceback=False))
    return ActivityOutcome(result=result)


def _root_of(task: ActivityTask) -> str:
    return task.headers.get(ROOT_HEADER) or task.instance_id
