"""What every host tells a run on behalf of others: how a child ended, what nobody can know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.errors import (
    ActivityOutcomeUnknownError,
    InstanceAlreadyExistsError,
    WorkflowTerminatedError,
)
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    Completed,
    Failed,
)
from perdure.types import Failure, type_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perdure.spi.history import ActivityScheduled, ChildStarted, Terminated
    from perdure.spi.program import ActivityOutcome


def activity_ended(
    activity: ActivityScheduled, outcome: ActivityOutcome, *, at_us: int
) -> ActivityCompleted | ActivityFailed:
    """Return what a run is told of what came of an activity."""
    if outcome.failure is not None:
        return ActivityFailed(at_us=at_us, id=activity.id, failure=outcome.failure)
    # An outcome without a failure has a result, even if it is the text "null".
    return ActivityCompleted(at_us=at_us, id=activity.id, result=outcome.result or "null")


def child_ended(
    command_id: int, end: Completed | Failed | Terminated
) -> ChildCompleted | ChildFailed:
    """Return what a parent is told of the end of the child that its ``command_id`` started."""
    if isinstance(end, Completed):
        return ChildCompleted(at_us=end.at_us, id=command_id, result=end.result)
    failure = (
        end.failure if isinstance(end, Failed) else _failure(WorkflowTerminatedError, end.reason)
    )
    return ChildFailed(at_us=end.at_us, id=command_id, failure=failure)


def child_refused(child: ChildStarted) -> ChildFailed:
    """Return what a parent is told when the id of a child is taken."""
    message = f"workflow instance {child.instance_id!r} exists already"
    failure = _failure(InstanceAlreadyExistsError, message)
    return ChildFailed(at_us=child.at_us, id=child.id, failure=failure)


def outcomes_unknown(
    activities: Iterable[ActivityScheduled], *, at_us: int
) -> list[ActivityFailed]:
    """Return the ends of those that may run once only, and may have begun before a crash."""
    return [_unknown(each, at_us) for each in activities if each.delivery == "at_most_once"]


def _unknown(activity: ActivityScheduled, at_us: int) -> ActivityFailed:
    failure = _failure(ActivityOutcomeUnknownError, "its worker ended before it told the outcome")
    return ActivityFailed(at_us=at_us, id=activity.id, failure=failure)


def _failure(kind: type[BaseException], message: str) -> Failure:
    bases = tuple(type_name(base) for base in kind.__mro__[1:] if issubclass(base, BaseException))
    return Failure(type=type_name(kind), message=message, bases=bases)
