"""Dispatch: what becomes of work items, whatever is in them."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from azure_kit.messages import event
from azure_kit.sdk_workers import make_worker

from perdure_azure import sdk


def begun(text: str = "5") -> list[Any]:
    return [event("orchestratorStarted"), event("executionStarted", name="plan", input=text)]


def work_item(kind: str) -> Any:
    item = sdk.pb.WorkItem(completionToken="token")
    getattr(item, kind).SetInParent()
    return item


def test_work_items_are_dispatched_before_the_sdks_loop_sees_them() -> None:
    made = make_worker()
    ran: list[tuple[str, tuple[Any, ...]]] = []
    made._dispatcher = SimpleNamespace(
        submit_turn=lambda run, *args: ran.append(("turn", args)),
        submit_activity=lambda run, *args: ran.append(("activity", args)),
    )
    made._answers = SimpleNamespace(
        abandon_entity=lambda token: ran.append(("entity", (token,))),
    )
    kinds = [
        "orchestratorRequest", "healthPing", "activityRequest", "entityRequest", "entityRequestV2",
    ]  # fmt: skip
    stream = made._dispatched(iter(map(work_item, kinds)))
    assert [item.WhichOneof("request") for item in stream] == ["healthPing"]
    assert [kind for kind, _ in ran] == ["turn", "activity", "entity", "entity"]
    assert all("token" in args for _, args in ran)


def test_every_kind_of_work_item_of_the_protocol_is_known() -> None:
    oneof = sdk.pb.WorkItem.DESCRIPTOR.oneofs_by_name["request"]
    assert {field.name for field in oneof.fields} == {
        "orchestratorRequest", "activityRequest", "entityRequest", "entityRequestV2", "healthPing",
    }  # fmt: skip


def test_a_worker_that_stops_dispatches_nothing() -> None:
    made = make_worker()
    made._shutdown.set()
    assert not made._dispatch(work_item("orchestratorRequest"))


@pytest.mark.parametrize("is_stopping", [True, False])
def test_a_stream_that_breaks_ends_without_complaint_only_in_a_worker_that_stops(
    is_stopping: bool,
) -> None:
    class Broken(grpc.RpcError):  # type: ignore[misc]  # gRPC has no types here
        def code(self) -> grpc.StatusCode:
            return grpc.StatusCode.UNAVAILABLE

    def broken() -> Any:
        raise Broken
        yield

    made = make_worker()
    stream = made._dispatched(broken())
    if is_stopping:
        made._shutdown.set()
        assert list(stream) == []
        return
    with pytest.raises(grpc.RpcError):
        next(stream)


# -- activities -----------------------------------------------------------------------------------


async def test_an_activity_is_awaited_with_instance_and_number_and_answered() -> None:
    made = make_worker(asyncio.get_running_loop())
    answered: list[Any] = []

    async def keep(answer: Any) -> None:
        answered.append(answer)

    made._answers = SimpleNamespace(complete_activity=keep)
    request = sdk.pb.ActivityRequest(name="quote", taskId=7)
    request.orchestrationInstance.instanceId = "trip-1"
    request.input.value = '"x"'
    await made._activity(request, "token")
    (answer,) = answered
    assert json.loads(answer.result.value) == "quote trip-1 7 x"
    assert (answer.instanceId, answer.taskId, answer.completionToken) == ("trip-1", 7, "token")


async def test_input_that_is_no_json_fails_the_activity_and_nothing_else() -> None:
    made = make_worker(asyncio.get_running_loop())
    answered: list[Any] = []

    async def keep(answer: Any) -> None:
        answered.append(answer)

    made._answers = SimpleNamespace(complete_activity=keep)
    request = sdk.pb.ActivityRequest(name="quote", taskId=7)
    request.input.value = "no JSON"
    await made._activity(request, "token")
    assert answered[0].failureDetails.errorType.endswith("JSONDecodeError")


# -- turns that cannot be executed ----------------------------------------------------------------


@pytest.mark.parametrize("problem", ["token", "fault"])
def test_a_turn_that_cannot_be_executed_is_given_up_and_not_forgotten(
    problem: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_worker()
    given_up: list[str] = []
    made._answers = SimpleNamespace(abandon_turn=given_up.append)
    request = sdk.pb.OrchestratorRequest(instanceId="trip-1", newEvents=begun("blob:v1:c:b"))
    if problem == "fault":

        def fail(*_: Any) -> None:
            raise RuntimeError("of a kind that nobody knows")

        monkeypatch.setattr(made._foreign, "check_readable", fail)
    made._turn(request, "token")
    assert given_up == ["token"]
    assert "a turn must wait" in caplog.text


def test_an_event_of_a_newer_protocol_stops_no_turn() -> None:
    made = make_worker()
    answered: list[Any] = []
    made._answers = SimpleNamespace(complete_turn=lambda answer, _: answered.append(answer))
    newer = sdk.pb.HistoryEvent(eventId=-1)
    request = sdk.pb.OrchestratorRequest(instanceId="trip-1", newEvents=[*begun(), newer])
    made._turn(request, "token")
    assert [action.scheduleTask.name for action in answered[0].actions] == ["quote"]
