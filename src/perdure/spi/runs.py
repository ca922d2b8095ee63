"""What every host makes of a run: how it begins, goes on as the next, and is shown to clients."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from perdure.errors import (
    ActivityNotRegisteredError,
    NonDeterminismError,
    PayloadError,
    PayloadStoreError,
)
from perdure.spi.history import (
    ChildStarted,
    Completed,
    Failed,
    Resumed,
    Suspended,
    Terminated,
    WorkflowStarted,
)
from perdure.spi.program import ActivityTask
from perdure.spi.replies import activity_ended
from perdure.types import InstanceInfo, ParentLink, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from perdure.spi.history import (
        ActivityCompleted,
        ActivityFailed,
        ActivityScheduled,
        ContinuedAsNew,
        HistoryEvent,
    )
    from perdure.spi.program import Executor, Program
    from perdure.spi.values import StartRequest

STALLING_ERRORS = (
    NonDeterminismError,
    ActivityNotRegisteredError,
    PayloadError,
    PayloadStoreError,
)
"""What an executor or an activity raises of an instance that must wait for other code or keys."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_ENDS: dict[type[object], Status] = {
    Completed: Status.COMPLETED,
    Failed: Status.FAILED,
    Terminated: Status.TERMINATED,
}


def first_run(request: StartRequest, *, run_id: str, at_us: int) -> WorkflowStarted:
    """Return the first input of an instance that a client starts.

    An execution timeout is not in it: it counts from when the run begins.
    """
    return WorkflowStarted(
        at_us=at_us,
        instance_id=request.instance_id,
        run_id=run_id,
        seed=run_id,
        workflow=request.workflow,
        arguments=request.arguments,
        headers=request.headers,
        tags=request.tags,
    )


def child_run(parent: WorkflowStarted, child: ChildStarted, *, run_id: str) -> WorkflowStarted:
    """Return the first input of the child that a run starts."""
    link = ParentLink(instance_id=parent.instance_id, run_id=parent.run_id, command_id=child.id)
    return WorkflowStarted(
        at_us=child.at_us,
        instance_id=child.instance_id,
        run_id=run_id,
        seed=run_id,
        workflow=child.workflow,
        arguments=child.arguments,
        headers=child.headers,
        tags=child.tags,
        parent=link,
    )


def next_run(run: WorkflowStarted, end: ContinuedAsNew, *, run_id: str) -> WorkflowStarted:
    """Return the first input of the run that follows ``run``; its code is the one of that day."""
    return replace(
        run,
        at_us=end.at_us,
        run_id=run_id,
        seed=run_id,
        arguments=end.arguments,
        carried=end.carried,
        patches=None,
        python="",
        perdure="",
    )


def feed(
    executor: Executor, inputs: Iterable[HistoryEvent], *, at_us: int
) -> tuple[list[HistoryEvent], int]:
    """Deliver inputs up to the end of the run, then fire what is due; a run begins at ``at_us``.

    Returns:
        The entries for the journal, and how many of the inputs were delivered.
    """
    entries: list[HistoryEvent] = []
    delivered = 0
    for event in inputs:
        if executor.outcome is not None:
            break
        begins = isinstance(event, WorkflowStarted)
        entries += executor.deliver(replace(event, at_us=at_us) if begins else event)
        delivered += 1
    if executor.outcome is None:
        entries += executor.advance(at_us)
    return entries, delivered


async def run_activity(
    program: Program,
    run: WorkflowStarted,
    activity: ActivityScheduled,
    *,
    now_us: Callable[[], int],
) -> ActivityCompleted | ActivityFailed:
    """Run an activity of a run, and return what the run is to be told of it.

    Raises as :meth:`perdure.spi.program.Program.run_activity`.
    """
    task = ActivityTask(
        instance_id=run.instance_id,
        run_id=run.run_id,
        workflow=run.workflow,
        scheduled=activity,
        headers=run.headers,
    )
    outcome = await program.run_activity(task)
    return activity_ended(activity, outcome, at_us=now_us())


def child_digest(run_id: str, command_id: int) -> str:
    """Return what the id of a child ends with that was given none."""
    return hashlib.sha256(f"{run_id}:{command_id}".encode()).hexdigest()[:16]


def end_of(journal: Sequence[HistoryEvent]) -> Completed | Failed | Terminated | None:
    """Return how the instance ended; ``None`` while it goes on, be it in another run."""
    last = journal[-1] if journal else None
    return last if isinstance(last, (Completed, Failed, Terminated)) else None


def tied_children(journal: Iterable[HistoryEvent]) -> list[ChildStarted]:
    """Return the children that are to end with the instance, whether they have ended or not."""
    started = (entry for entry in journal if isinstance(entry, ChildStarted))
    return [child for child in started if child.on_parent_end == "terminate"]


def instance_info(
    run: WorkflowStarted,
    journal: Sequence[HistoryEvent],
    *,
    created_us: int,
    custom_status_json: str | None = None,
    stalled: str | None = None,
) -> InstanceInfo:
    """Return what clients are shown of an instance.

    Args:
        run: The first input of its current run.
        journal: That of this run; empty while it has not begun.
        created_us: When its first run was asked for.
        custom_status_json: The last one its workflow set.
        stalled: Why it is stalled, if it is.
    """
    end = end_of(journal)
    return InstanceInfo(
        instance_id=run.instance_id,
        run_id=run.run_id,
        name=run.workflow,
        status=Status.STALLED if stalled is not None and end is None else _status_of(journal),
        created_at=_instant(created_us),
        updated_at=_instant(journal[-1].at_us if journal else run.at_us),
        finished_at=None if end is None else _instant(end.at_us),
        input_json=run.arguments,
        output_json=end.result if isinstance(end, Completed) else None,
        custom_status_json=custom_status_json,
        failure=end.failure if isinstance(end, Failed) else None,
        reason=end.reason if isinstance(end, Terminated) else stalled,
        parent=run.parent,
        tags=run.tags,
        headers=run.headers,
    )


def _status_of(journal: Sequence[HistoryEvent]) -> Status:
    if not journal:
        return Status.PENDING
    holds = [entry for entry in journal if isinstance(entry, (Suspended, Resumed))]
    is_held = bool(holds) and isinstance(holds[-1], Suspended)
    return _ENDS.get(type(journal[-1]), Status.SUSPENDED if is_held else Status.RUNNING)


def _instant(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
