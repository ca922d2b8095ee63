"""Sub-orchestrations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure_kit.actions import continue_as_new, finish, start_child
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from azure_kit.hub import Hub


def last_event(item: pb.WorkItem) -> pb.HistoryEvent:
    event: pb.HistoryEvent = item.orchestratorRequest.newEvents[-1]
    return event


def test_child_knows_its_parent_and_answers_it(hub: Hub) -> None:
    hub.start("parent", "parent")
    with BareWorker(hub) as worker:
        child = start_child(1, "child", version={"value": "3"}, tags={"team": "blue"})
        worker.complete(worker.next(), child)
        item = worker.next()
        started = last_event(item).executionStarted
        assert (started.name, started.version.value, dict(started.tags)) == (
            "child",
            "3",
            {"team": "blue"},
        )
        assert started.parentInstance.orchestrationInstance.instanceId == "parent"
        worker.complete(item, finish("5"))
        answer = last_event(worker.next()).subOrchestrationInstanceCompleted
    assert (answer.taskScheduledId, answer.result.value) == (1, "5")
    assert hub.state("child").parentInstanceId.value == "parent"


def test_child_whose_id_is_taken_fails_for_its_parent(hub: Hub) -> None:
    hub.start("other", "taken")
    with BareWorker(hub) as worker:
        worker.complete(worker.next())
        hub.start("parent", "parent")
        worker.complete(worker.next(), start_child(1, "taken"))
        answer = last_event(worker.next()).subOrchestrationInstanceFailed
    assert answer.taskScheduledId == 1
    assert "'taken' exists already" in answer.failureDetails.errorMessage
    assert hub.state("taken").name == "other"


def test_terminated_child_fails_for_its_parent_without_a_reason(hub: Hub) -> None:
    hub.start("parent", "parent")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), start_child(1, "child"))
        worker.complete(worker.next(), finish(status=pb.ORCHESTRATION_STATUS_TERMINATED))
        answer = last_event(worker.next()).subOrchestrationInstanceFailed
    assert answer.taskScheduledId == 1
    assert not answer.HasField("failureDetails")


def test_next_run_may_use_the_ids_of_the_children_of_the_last_one(hub: Hub) -> None:
    hub.start("parent", "parent")
    with BareWorker(hub) as worker:
        for _ in range(2):
            worker.complete(worker.next(), start_child(1, "parent:0001"))
            worker.complete(worker.next(), finish("1"))
            item = worker.next()
            assert last_event(item).HasField("subOrchestrationInstanceCompleted")
            worker.complete(item, continue_as_new())


def test_child_of_an_earlier_run_does_not_answer_a_later_one(hub: Hub) -> None:
    hub.start("parent", "parent")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), start_child(1, "child"))
        child = worker.next()
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="parent", name="go"))
        worker.complete(worker.next(), continue_as_new())
        worker.complete(worker.next())
        worker.complete(child, finish("old"))
        hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="parent", name="next"))
        events = worker.next().orchestratorRequest.newEvents
    assert [event.eventRaised.name for event in events[1:]] == ["next"]
