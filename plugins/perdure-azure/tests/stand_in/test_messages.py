"""Events, suspension and termination."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import finish, kinds, schedule, send, start_child
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from pathlib import Path

    from azure_kit.hub import Hub

EVENTS = 300


def raise_event(hub: Hub, instance_id: str, name: str) -> None:
    hub.stub.RaiseEvent(pb.RaiseEventRequest(instanceId=instance_id, name=name))


def heard(item: pb.WorkItem) -> list[str]:
    events = item.orchestratorRequest.newEvents
    return [event.eventRaised.name for event in events if event.HasField("eventRaised")]


def test_events_come_in_the_order_in_which_they_were_raised(hub: Hub) -> None:
    instance = hub.start()
    names = [str(number) for number in range(EVENTS)]
    for name in names:
        raise_event(hub, instance, name)
    with BareWorker(hub) as worker:
        assert heard(worker.next()) == names


def test_event_during_a_turn_comes_with_the_next_one(hub: Hub) -> None:
    instance = hub.start()
    with BareWorker(hub) as worker:
        first = worker.next()
        raise_event(hub, instance, "late")
        worker.complete(first)
        assert heard(worker.next()) == ["late"]


@pytest.mark.parametrize(
    ("method", "request_type"),
    [
        ("RaiseEvent", pb.RaiseEventRequest),
        ("SuspendInstance", pb.SuspendRequest),
        ("ResumeInstance", pb.ResumeRequest),
        ("TerminateInstance", pb.TerminateRequest),
    ],
)
def test_message_to_an_unknown_instance_is_refused_and_to_a_finished_one_dropped(
    hub: Hub, method: str, request_type: Any
) -> None:
    extra = {"name": "e"} if method == "RaiseEvent" else {}
    call = getattr(hub.stub, method)
    with pytest.raises(grpc.RpcError) as refused:
        call(request_type(instanceId="nobody", **extra))
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    hub.start(instance_id="done")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), finish("1"))
        call(request_type(instanceId="done", **extra))
    assert hub.finished("done").orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED
    assert hub.actions()["published"] == 1


def test_new_instance_gets_nothing_that_was_meant_for_its_predecessor(hub: Hub) -> None:
    hub.start(instance_id="name")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        late = worker.next()
        raise_event(hub, "name", "old")
        worker.complete(worker.next(), finish())
        hub.client.purge_orchestration("name")
        hub.start(instance_id="name")
        worker.give(late, "1")  # accepted: the worker did its work, but nobody waits for it
        raise_event(hub, "name", "new")
        item = worker.next()
        while heard(item) != ["new"]:
            assert kinds(item.orchestratorRequest.newEvents) == [
                "orchestratorStarted",
                "executionStarted",
            ]
            worker.complete(item)
            item = worker.next()
        assert "taskCompleted" not in kinds(item.orchestratorRequest.pastEvents)


def test_nothing_is_kept_for_an_instance_that_has_finished(own_hub: Hub, tmp_path: Path) -> None:
    own_hub.start(instance_id="job")
    with BareWorker(own_hub) as worker:
        turn = worker.next()
        raise_event(own_hub, "job", "during")
        worker.complete(turn, finish())
    raise_event(own_hub, "job", "after")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "default.db")) as file:
        assert file.execute("SELECT COUNT(*) FROM NewEvents").fetchone() == (0,)


def test_event_that_a_workflow_sends_arrives_as_an_event(hub: Hub) -> None:
    hub.start("receiver", "receiver")
    with BareWorker(hub) as worker:
        worker.complete(worker.next())
        hub.start("sender", "sender")
        worker.complete(
            worker.next(), send(1, "receiver", "hello", "5"), send(2, "nobody", "x"), finish()
        )
        item = worker.next()
    (event,) = [
        e.eventRaised for e in item.orchestratorRequest.newEvents if e.HasField("eventRaised")
    ]
    assert (event.name, event.input.value) == ("hello", "5")


def waiting(context: Any, _: Any) -> Any:
    return (yield context.wait_for_external_event("go"))


def test_suspended_instance_shows_so_and_goes_on_when_resumed(hub: Hub) -> None:
    with hub.worker(waiting):
        instance = hub.client.schedule_new_orchestration(waiting)
        hub.client.wait_for_orchestration_start(instance)
        hub.client.suspend_orchestration(instance, reason="tea")
        hub.client.raise_orchestration_event(instance, "go", data=7)
        hub.client.resume_orchestration(instance)
        assert hub.finished(instance).output.value == "7"
    shown = [
        e.executionSuspended.input.value
        for e in hub.history(instance)
        if e.HasField("executionSuspended")
    ]
    assert shown == ["tea"]


def test_suspension_shows_in_the_state(hub: Hub) -> None:
    instance = hub.start()
    with BareWorker(hub) as worker:
        worker.complete(worker.next())
        hub.stub.SuspendInstance(pb.SuspendRequest(instanceId=instance))
        worker.complete(worker.next())
        assert hub.state(instance).orchestrationStatus == pb.ORCHESTRATION_STATUS_SUSPENDED
        hub.stub.ResumeInstance(pb.ResumeRequest(instanceId=instance))
        worker.complete(worker.next())
        assert hub.state(instance).orchestrationStatus == pb.ORCHESTRATION_STATUS_RUNNING


def test_suspended_instance_can_be_terminated(hub: Hub) -> None:
    with hub.worker(waiting):
        instance = hub.client.schedule_new_orchestration(waiting)
        hub.client.wait_for_orchestration_start(instance)
        hub.client.suspend_orchestration(instance)
        hub.client.terminate_orchestration(instance, output="enough")
        state = hub.finished(instance)
    assert state.orchestrationStatus == pb.ORCHESTRATION_STATUS_TERMINATED
    assert state.output.value == '"enough"'


@pytest.mark.parametrize("recursive", [True, False])
def test_termination_reaches_children_if_asked(hub: Hub, recursive: bool) -> None:
    hub.start("parent", "parent")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), start_child(1, "child"))
        worker.complete(worker.next())
        hub.client.terminate_orchestration("parent", recursive=recursive)
        worker.complete(worker.next(), finish(status=pb.ORCHESTRATION_STATUS_TERMINATED))
        if not recursive:
            raise_event(hub, "child", "alive")
        item = worker.next()
    assert item.orchestratorRequest.instanceId == "child"
    told = kinds(item.orchestratorRequest.newEvents)[-1]
    assert told == ("executionTerminated" if recursive else "eventRaised")
