"""Starting, reading and restarting instances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import finish
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_kit.hub import Hub


def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as refused:
        call(*arguments, **named)
    error: Any = refused.value
    return error.code(), error.details()


def finish_next(hub: Hub, result: str | None = None, **fields: Any) -> pb.WorkItem:
    with BareWorker(hub) as worker:
        item = worker.next()
        worker.complete(item, finish(result, **fields))
        return item


def test_second_start_with_an_id_is_refused(hub: Hub) -> None:
    hub.start(instance_id="once")
    code, text = refusal(hub.start, instance_id="once")
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert "'once'" in text


def test_start_replaces_an_instance_in_a_status_that_may_be_replaced(hub: Hub) -> None:
    first = hub.state(hub.start(instance_id="again")).executionId.value
    policy = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_PENDING])
    hub.start("other", instance_id="again", orchestrationIdReusePolicy=policy)
    assert hub.state("again").name == "other"
    assert hub.state("again").executionId.value != first


def test_start_does_not_replace_an_instance_in_another_status(hub: Hub) -> None:
    hub.start(instance_id="again")
    policy = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_FAILED])
    code, _ = refusal(hub.start, instance_id="again", orchestrationIdReusePolicy=policy)
    assert code is grpc.StatusCode.ALREADY_EXISTS


def test_worker_of_a_replaced_instance_cannot_complete_its_successor(hub: Hub) -> None:
    hub.start(instance_id="again")
    policy = pb.OrchestrationIdReusePolicy(replaceableStatus=[pb.ORCHESTRATION_STATUS_PENDING])
    with BareWorker(hub) as worker:
        old = worker.next()
        hub.start(instance_id="again", orchestrationIdReusePolicy=policy)
        new = worker.next()
        assert refusal(worker.complete, old, finish("1"))[0] is grpc.StatusCode.NOT_FOUND
        worker.complete(new, finish("2"))
    assert hub.finished("again").output.value == "2"


@pytest.mark.parametrize("wrong", ["a" * 101, "@entity", "a/b", "a\\b", "a#b", "a?b", "é", "a\nb"])
def test_instance_id_against_the_rules_is_refused(hub: Hub, wrong: str) -> None:
    code, text = refusal(hub.start, instance_id=wrong)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith("Instance IDs must")


def test_length_of_an_instance_id_is_told_in_the_words_of_the_service(hub: Hub) -> None:
    _, text = refusal(hub.start, instance_id="a" * 111)
    assert text == "Instance IDs must be between 1 and 100 characters; actual length is 111."


def test_scheduled_start_is_held_back_until_its_time(hub: Hub) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.4)
    request = pb.CreateInstanceRequest(name="later", instanceId="later")
    request.scheduledStartTimestamp.FromDatetime(at)
    hub.stub.StartInstance(request)
    hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId="later", name="early"))
    with BareWorker(hub) as worker:
        item = worker.next()
        assert datetime.now(UTC) >= at
        names = [event.WhichOneof("eventType") for event in item.orchestratorRequest.newEvents]
        assert names == ["orchestratorStarted", "executionStarted", "eventRaised"]


def test_terminating_an_instance_before_its_scheduled_start_ends_it_at_once(hub: Hub) -> None:
    request = pb.CreateInstanceRequest(name="later", instanceId="later")
    request.scheduledStartTimestamp.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    hub.stub.StartInstance(request)
    hub.stub.TerminateInstance(pb.TerminateRequest(instanceId="later", output={"value": '"no"'}))
    state = hub.finished("later")
    assert state.orchestrationStatus == pb.ORCHESTRATION_STATUS_TERMINATED
    assert state.output.value == '"no"'


def test_state_says_all_there_is_to_say(hub: Hub) -> None:
    hub.start("job", "full", input={"value": "1"}, version={"value": "2.0"}, tags={"team": "blue"})
    failure = pb.TaskFailureDetails(errorType="Oops", errorMessage="it broke")
    with BareWorker(hub) as worker:
        done = finish(status=pb.ORCHESTRATION_STATUS_FAILED, failureDetails=failure)
        worker.complete(worker.next(), done, customStatus={"value": '"half"'})
    state = hub.finished("full")
    assert (state.name, state.version.value, dict(state.tags)) == ("job", "2.0", {"team": "blue"})
    assert (state.input.value, state.customStatus.value) == ("1", '"half"')
    assert state.failureDetails.errorMessage == "it broke"
    assert state.executionId.value
    created = state.createdTimestamp.ToDatetime()
    assert (
        created <= state.completedTimestamp.ToDatetime() == state.lastUpdatedTimestamp.ToDatetime()
    )


def test_state_has_no_wrapper_for_what_is_not_there(hub: Hub) -> None:
    state = hub.state(hub.start())
    for field in (
        "input",
        "output",
        "customStatus",
        "failureDetails",
        "completedTimestamp",
        "parentInstanceId",
    ):
        assert not state.HasField(field), field


def test_empty_output_is_not_the_same_as_none(hub: Hub) -> None:
    hub.start(instance_id="empty", input={"value": ""})
    finish_next(hub, "")
    assert hub.state("empty").HasField("output")
    assert hub.state("empty").HasField("input")


def test_payloads_are_left_out_unless_asked_for(hub: Hub) -> None:
    hub.start(instance_id="quiet", input={"value": "1"})
    assert not hub.state("quiet", payloads=False).HasField("input")


def test_client_waits_for_an_unknown_instance_in_vain(hub: Hub) -> None:
    assert hub.client.get_orchestration_state("nobody") is None
    assert hub.client.wait_for_orchestration_start("nobody") is None
    assert hub.client.wait_for_orchestration_completion("nobody") is None


def test_waiting_ends_with_the_deadline_of_the_client(hub: Hub) -> None:
    instance = hub.start()
    with pytest.raises(TimeoutError):
        hub.client.wait_for_orchestration_completion(instance, timeout=0.1)


@pytest.mark.parametrize("tags", [{"durabletask.x": "1"}, {"long": "x" * 1000}])
def test_tags_against_the_rules_are_refused(hub: Hub, tags: dict[str, str]) -> None:
    code, text = refusal(hub.start, tags=tags)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert "tag" in text


def test_restart_runs_again_with_the_same_input(hub: Hub) -> None:
    hub.start("job", "again", input={"value": "5"}, tags={"team": "blue"})
    first = finish_next(hub, "1").orchestratorRequest.executionId.value
    assert hub.client.restart_orchestration("again") == "again"
    second = finish_next(hub, "2").orchestratorRequest.executionId.value
    state = hub.finished("again")
    assert (state.output.value, state.input.value, dict(state.tags)) == ("2", "5", {"team": "blue"})
    assert first != second


def test_restart_can_take_a_new_id(hub: Hub) -> None:
    hub.start("job", "old", input={"value": "5"})
    finish_next(hub)
    new = hub.client.restart_orchestration("old", restart_with_new_instance_id=True)
    assert new != "old"
    assert hub.state(new).input.value == "5"


def test_only_finished_instances_are_restarted(hub: Hub) -> None:
    hub.start(instance_id="busy")
    restart = hub.stub.RestartInstance
    code, _ = refusal(restart, pb.RestartInstanceRequest(instanceId="busy"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    code, _ = refusal(restart, pb.RestartInstanceRequest(instanceId="nobody"))
    assert code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("method", ["RewindInstance", "GetEntity", "SignalEntity", "QueryEntities"])
def test_what_is_not_modelled_says_so(hub: Hub, method: str) -> None:
    code, text = refusal(getattr(hub.stub, method), _request_of(method))
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert "stand-in" in text


def _request_of(method: str) -> Any:
    return getattr(pb, f"{method}Request")()
