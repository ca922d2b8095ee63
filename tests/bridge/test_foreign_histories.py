"""Histories of workflows that are not perdure's: as much of a journal as can be made of them."""

from __future__ import annotations

from typing import Any

from perdure.spi.bridge import VendorEvent, VendorKind, project
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    Completed,
    EventReceived,
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    TimerCreated,
    TimerFired,
    WorkflowStarted,
)
from perdure.types import Failure


def event(kind: VendorKind, at_us: int = 5, **fields: Any) -> VendorEvent:
    return VendorEvent(kind=kind, at_us=at_us, **fields)


STARTED = event(VendorKind.STARTED, 1, name="trip", instance_id="trip-1", payload='{"to": "Oslo"}')


def theirs(*events: VendorEvent) -> list[HistoryEvent]:
    """Return what is made of a history that begins with a raw input, but for its start."""
    return project([event(VendorKind.TURN, 1), STARTED, *events])[1:]


def test_activities_of_somebody_elses_workflow_are_told() -> None:
    assert theirs(
        event(VendorKind.ACTIVITY_SCHEDULED, 2, id=1, name="pay", payload="[7]"),
        event(VendorKind.ACTIVITY_SCHEDULED, 2, id=2, name="pay"),
        event(VendorKind.ACTIVITY_COMPLETED, 3, id=1, payload="8"),
        event(VendorKind.ACTIVITY_FAILED, 4, id=2, error_type="E", message="no", traceback="t"),
    ) == [
        ActivityScheduled(at_us=2, id=1, key_id=1, name="pay", arguments="[7]"),
        ActivityScheduled(at_us=2, id=2, key_id=2, name="pay", arguments="{}"),
        ActivityCompleted(at_us=3, id=1, result="8"),
        ActivityFailed(at_us=4, id=2, failure=Failure(type="E", message="no", traceback="t")),
    ]


def test_children_of_somebody_elses_workflow_are_told() -> None:
    assert theirs(
        event(VendorKind.CHILD_CREATED, 2, id=1, name="leg", instance_id="c", payload="1"),
        event(VendorKind.CHILD_CREATED, 2, id=2, name="leg", instance_id="d"),
        event(VendorKind.CHILD_COMPLETED, 3, id=1),
        event(VendorKind.CHILD_FAILED, 4, id=2, error_type="E", message="no"),
    ) == [
        ChildStarted(at_us=2, id=1, workflow="leg", instance_id="c", arguments="1"),
        ChildStarted(at_us=2, id=2, workflow="leg", instance_id="d", arguments="{}"),
        ChildCompleted(at_us=3, id=1, result="null"),
        ChildFailed(at_us=4, id=2, failure=Failure(type="E", message="no")),
    ]


def test_timers_events_holds_and_the_end_of_somebody_elses_workflow_are_told() -> None:
    assert theirs(
        event(VendorKind.TIMER_CREATED, 2, id=1, fire_at_us=9, name="not ours"),
        event(VendorKind.TIMER_CREATED, 2, id=2),
        event(VendorKind.EVENT, 3, name="Go", payload='{"a": 1}'),
        event(VendorKind.SUSPENDED, 4, payload='"lunch"'),
        event(VendorKind.RESUMED, 5, payload="back"),
        event(VendorKind.TIMER_FIRED, 8, id=2),
        event(VendorKind.COMPLETED, 9, payload="[ 1 ]"),
    ) == [
        TimerCreated(at_us=2, id=1, fire_at_us=9),
        TimerCreated(at_us=2, id=2, fire_at_us=8),
        EventReceived(at_us=3, name="Go", payload='{"a":1}'),
        Suspended(at_us=4, reason="lunch"),
        Resumed(at_us=5, reason="back"),
        TimerFired(at_us=8, id=2),
        Completed(at_us=9, result="[1]"),
    ]


def test_somebody_elses_workflow_begins_with_its_input() -> None:
    (started,) = project([event(VendorKind.TURN, 1), STARTED])
    assert isinstance(started, WorkflowStarted)
    assert (started.workflow, started.instance_id, started.arguments) == (
        "trip",
        "trip-1",
        '{"to":"Oslo"}',
    )


def test_a_failure_that_is_not_perdures_is_told_as_far_as_it_is_known() -> None:
    failed = event(VendorKind.FAILED, error_type="builtins.ValueError", message="no")
    assert theirs(failed) == [Failed(at_us=5, failure=Failure(type="ValueError", message="no"))]


def test_instants_of_servers_that_disagree_never_go_back() -> None:
    journal = theirs(event(VendorKind.EVENT, 9, name="a"), event(VendorKind.EVENT, 3, name="a"))
    assert [entry.at_us for entry in journal] == [9, 9]
