"""The limit of 1 MB for each payload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import continue_as_new, finish, schedule, send, start_child
from azure_kit.hub import BareWorker
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure_kit.hub import Hub

MOST = "é" * (1_048_576 // 2)  # what counts are bytes, not characters
TOO_MUCH = MOST + "x"


def assert_too_large(kind: str, call: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(*arguments, **named)
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert kind in error.details()
    assert "1048577 bytes; the limit for each payload is 1048576 bytes" in error.details()


def test_client_may_send_1_mb_and_no_more(hub: Hub) -> None:
    hub.start(instance_id="job", input={"value": MOST})
    assert_too_large("orchestrator input", hub.start, input={"value": TOO_MUCH})
    event = pb.RaiseEventRequest(instanceId="job", name="e", input={"value": TOO_MUCH})
    assert_too_large("event 'e'", hub.stub.RaiseEvent, event)
    end = pb.TerminateRequest(instanceId="job", output={"value": TOO_MUCH})
    assert_too_large("terminate output", hub.stub.TerminateInstance, end)


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("orchestrator output", finish(TOO_MUCH)),
        ("orchestrator input", continue_as_new(TOO_MUCH)),
        ("activity input", schedule(1, payload=TOO_MUCH)),
        ("sub-orchestration input", start_child(1, "child", input={"value": TOO_MUCH})),
        ("external event data", send(1, "other", "e", TOO_MUCH)),
        ("carry-over event data", continue_as_new(carry={"e": TOO_MUCH})),
    ],
    ids=["output", "next input", "activity", "child", "event", "carry-over"],
)
def test_turn_with_a_payload_that_is_too_large_is_refused_and_stays_with_its_worker(
    hub: Hub, kind: str, action: pb.OrchestratorAction
) -> None:
    hub.start(instance_id="job")
    with BareWorker(hub) as worker:
        item = worker.next()
        assert_too_large(kind, worker.complete, item, action)
        assert hub.server.admin("/status")["hubs"][hub.name]["dispatched"] == 1
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), finish("small"))
    assert hub.finished("job").output.value == "small"


def test_custom_status_has_the_limit_too(hub: Hub) -> None:
    hub.start(instance_id="job")
    with BareWorker(hub) as worker:
        item = worker.next()
        assert_too_large("custom status", worker.complete, item, customStatus={"value": TOO_MUCH})
        worker.complete(item, finish(), customStatus={"value": MOST})
    state = hub.finished("job")
    assert state.customStatus.value == MOST


def test_activity_output_has_the_limit_too(hub: Hub) -> None:
    hub.start(instance_id="job")
    with BareWorker(hub) as worker:
        worker.complete(worker.next(), schedule(1))
        item = worker.next()
        assert_too_large("activity output", worker.give, item, TOO_MUCH)
        worker.give(item, MOST)
        answer = worker.next().orchestratorRequest.newEvents[-1]
    assert answer.taskCompleted.result.value == MOST
