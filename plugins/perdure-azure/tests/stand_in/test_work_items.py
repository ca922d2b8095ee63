"""Who gets which work item, and what becomes of one that is not completed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import finish, kinds, schedule
from azure_kit.hub import BareWorker
from azure_kit.waiting import wait_until
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from azure_kit.hub import Hub

FAN = 300


def filters(
    *orchestrations: str, activities: tuple[str, ...] = (), versions: tuple[str, ...] = ()
) -> pb.WorkItemFilters:
    found = pb.WorkItemFilters()
    for name in orchestrations:
        found.orchestrations.add(name=name, versions=versions)
    for name in activities:
        found.activities.add(name=name)
    return found


def is_stale(error: pytest.ExceptionInfo[grpc.RpcError]) -> bool:
    raised: Any = error.value
    return raised.code() is grpc.StatusCode.NOT_FOUND and "completion token" in raised.details()


def test_worker_gets_only_what_its_filters_list(hub: Hub) -> None:
    hub.start("mine", "a")
    hub.start("other", "b")
    with BareWorker(hub, workItemFilters=filters("other")) as worker:
        assert worker.next().orchestratorRequest.instanceId == "b"


def test_version_in_a_filter_must_match(hub: Hub) -> None:
    hub.start("job", "old", version={"value": "1"})
    hub.start("job", "new", version={"value": "2"})
    with BareWorker(hub, workItemFilters=filters("job", versions=("2",))) as worker:
        assert worker.next().orchestratorRequest.instanceId == "new"


def test_work_that_nobody_takes_holds_up_nothing_else(hub: Hub) -> None:
    hub.start("planner", "planner")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), *(schedule(number, "unknown") for number in range(1, FAN)))
    listed = filters("job", activities=("act",))
    with BareWorker(hub, workItemFilters=listed) as worker:
        hub.start("job", "job")
        worker.complete(worker.next(), schedule(1, "act"))
        assert worker.next().activityRequest.name == "act"


def test_filters_without_a_name_take_nothing(hub: Hub) -> None:
    hub.start("job", "job")
    with (
        BareWorker(hub, workItemFilters=filters(activities=("act",))) as idle,
        BareWorker(hub) as worker,
    ):
        worker.complete(worker.next(), schedule(1, "act"))
        items = {idle.next().activityRequest.name}
    assert items == {"act"}


def test_worker_gets_no_more_at_once_than_it_asked_for(hub: Hub) -> None:
    first, second = hub.start("job"), hub.start("job")
    with BareWorker(hub, maxConcurrentOrchestrationWorkItems=1) as worker:
        item = worker.next()
        assert item.orchestratorRequest.instanceId == first
        assert hub.server.admin("/status")["hubs"][hub.name]["dispatched"] == 1
        worker.complete(item)
        assert worker.next().orchestratorRequest.instanceId == second


def workers_of(hub: Hub) -> int:
    """Return how many streams are open; a hub is made with its first call."""
    found: int = hub.server.admin("/status")["hubs"].get(hub.name, {"workers": 0})["workers"]
    return found


def test_work_is_spread_over_the_workers_that_are_there(hub: Hub) -> None:
    with BareWorker(hub) as one, BareWorker(hub) as other:
        wait_until(lambda: workers_of(hub) == 2)
        ids = {hub.start() for _ in range(2)}
        assert {worker.next().orchestratorRequest.instanceId for worker in (one, other)} == ids


def test_activity_tells_whose_it_is(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        turn = worker.next()
        task = schedule(7, "act", "5", version={"value": "2"}, tags={"team": "blue"})
        worker.complete(turn, task)
        request = worker.next().activityRequest
    assert (request.name, request.input.value, request.version.value) == ("act", "5", "2")
    assert (request.taskId, dict(request.tags)) == (7, {"team": "blue"})
    assert request.orchestrationInstance.instanceId == "job"
    assert request.orchestrationInstance.executionId == turn.orchestratorRequest.executionId


def test_items_of_a_broken_stream_go_to_another_worker_at_once(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        lost = worker.next()
        worker.hang_up()
        begun = time.monotonic()
        with BareWorker(hub) as second:
            again = second.next()
            assert time.monotonic() - begun < 1
            assert again.activityRequest == lost.activityRequest
            with pytest.raises(grpc.RpcError) as refused:
                worker.give(lost, "1")
            assert is_stale(refused)
            second.give(again, "2")
            answer = second.next().orchestratorRequest.newEvents[-1]
    assert answer.taskCompleted.result.value == "2"


def test_answer_that_is_malformed_or_not_modelled_is_refused(hub: Hub) -> None:
    hub.start("job", "job")
    nowhere = pb.OrchestratorAction(id=1, sendEvent=pb.SendEventAction(name="e"))
    entity = pb.OrchestratorAction(id=1, sendEntityMessage=pb.SendEntityMessageAction())
    with BareWorker(hub) as worker:
        item = worker.next()
        with pytest.raises(grpc.RpcError, match="sent to no instance"):
            worker.complete(item, nowhere)
        with pytest.raises(grpc.RpcError, match="does not model entities"):
            worker.complete(item, entity)
        with pytest.raises(grpc.RpcError, match="unknown type"):
            worker.complete(item, pb.OrchestratorAction(id=1))
        worker.complete(item, finish("1"))
    assert hub.finished("job").output.value == "1"


def test_second_completion_changes_nothing(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        item = worker.next()
        worker.complete(item, schedule(1))
        with pytest.raises(grpc.RpcError) as refused:
            worker.complete(item, finish("twice"))
    assert is_stale(refused)
    assert hub.state("job").orchestrationStatus == pb.ORCHESTRATION_STATUS_RUNNING


def test_abandoned_turn_is_offered_again(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        first = worker.next()
        request = pb.AbandonOrchestrationTaskRequest(completionToken=first.completionToken)
        hub.stub.AbandonTaskOrchestratorWorkItem(request)
        second = worker.next()
        assert kinds(second.orchestratorRequest.newEvents) == kinds(
            first.orchestratorRequest.newEvents
        )
        assert second.completionToken != first.completionToken
        worker.complete(second, finish("1"))
    assert hub.finished("job").output.value == "1"


def test_abandoned_activity_is_offered_again(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        first = worker.next()
        request = pb.AbandonActivityTaskRequest(completionToken=first.completionToken)
        hub.stub.AbandonTaskActivityWorkItem(request)
        assert worker.next().activityRequest == first.activityRequest


def test_failed_activity_tells_its_reason(hub: Hub) -> None:
    hub.start("job", "job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        item = worker.next()
        hub.stub.CompleteActivityTask(
            pb.ActivityResponse(
                instanceId="job",
                taskId=1,
                completionToken=item.completionToken,
                failureDetails=pb.TaskFailureDetails(errorType="Oops", errorMessage="it broke"),
            )
        )
        answer = worker.next().orchestratorRequest.newEvents[-1]
    assert answer.taskFailed.failureDetails.errorMessage == "it broke"


def act(_: Any, number: int) -> int:
    return number + 1


def fan_out(context: Any, width: int) -> Any:
    from durabletask import task

    results = yield task.when_all([context.call_activity(act, input=one) for one in range(width)])
    return sum(results)


def test_wide_fan_out_gathers_all_results(hub: Hub) -> None:
    with hub.worker(fan_out, activities=(act,)):
        instance = hub.client.schedule_new_orchestration(fan_out, input=FAN)
        assert hub.finished(instance).output.value == str(sum(range(1, FAN + 1)))
