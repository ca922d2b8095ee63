"""Runs that continue as new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure_kit.actions import continue_as_new, finish, kinds, schedule, send
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from azure_kit.hub import Hub

RUNS = 40


def countdown(context: Any, left: int) -> Any:
    if left:
        context.continue_as_new(left - 1)
        return None
    return "done"


def test_many_runs_in_a_row_come_to_an_end(hub: Hub) -> None:
    with hub.worker(countdown):
        instance = hub.client.schedule_new_orchestration(countdown, input=RUNS)
        assert hub.finished(instance).output.value == '"done"'
    assert hub.actions()["kinds"]["continue_as_new"] == RUNS


def test_each_run_is_a_work_item_of_its_own_and_starts_with_an_empty_history(hub: Hub) -> None:
    instance = hub.start("job", tags={"team": "blue"}, version={"value": "1"})
    with BareWorker(hub) as worker:
        first = worker.next()
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name="later"))
        worker.complete(first, continue_as_new("2", carry={"kept": None}))
        second = worker.next()
    assert not second.orchestratorRequest.pastEvents
    events = second.orchestratorRequest.newEvents
    (start,) = [event.executionStarted for event in events if event.HasField("executionStarted")]
    assert (start.input.value, start.version.value, dict(start.tags)) == (
        "2",
        "1",
        {"team": "blue"},
    )
    assert [e.eventRaised.name for e in events if e.HasField("eventRaised")] == ["kept", "later"]
    assert (
        second.orchestratorRequest.executionId.value != first.orchestratorRequest.executionId.value
    )


def test_continued_instance_shows_as_running(hub: Hub) -> None:
    instance = hub.start()
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), continue_as_new())
        assert hub.state(instance).orchestrationStatus == pb.ORCHESTRATION_STATUS_RUNNING


def test_result_of_an_earlier_run_does_not_reach_a_later_one(hub: Hub) -> None:
    instance = hub.start()
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        late = worker.next()
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name="go"))
        worker.complete(worker.next(), continue_as_new())
        worker.complete(worker.next())
        worker.give(late, "old")
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name="next"))
        item = worker.next()
    assert kinds(item.orchestratorRequest.newEvents) == ["orchestratorStarted", "eventRaised"]


def test_result_that_came_during_the_turn_that_continues_is_dropped(hub: Hub) -> None:
    instance = hub.start()
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        activity = worker.next()
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name="go"))
        turn = worker.next()
        worker.give(activity, "old")
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance, name="next"))
        worker.complete(turn, continue_as_new())
        told = kinds(worker.next().orchestratorRequest.newEvents)
    assert told == ["orchestratorStarted", "executionStarted", "eventRaised"]


def test_what_is_sent_in_the_turn_that_continues_is_delivered(hub: Hub) -> None:
    hub.start("receiver", "receiver")
    with BareWorker(hub, maxConcurrentOrchestrationWorkItems=1) as worker:
        worker.complete(worker.next())
        hub.start("sender", "sender")
        worker.complete(worker.next(), send(1, "receiver", "hello"), continue_as_new())
        items = []
        for _ in range(2):
            items.append(worker.next())
            worker.complete(items[-1], finish())
    (received,) = [item for item in items if item.orchestratorRequest.instanceId == "receiver"]
    assert kinds(received.orchestratorRequest.newEvents)[-1] == "eventRaised"


def test_suspension_that_comes_too_late_for_a_run_holds_for_the_next(hub: Hub) -> None:
    instance = hub.start()
    hub.stub.SuspendInstance(pb.SuspendRequest(instanceId=instance))
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), continue_as_new(carry={"kept": None}))
        told = kinds(worker.next().orchestratorRequest.newEvents)
    assert told[1:] == ["executionStarted", "executionSuspended", "eventRaised"]
