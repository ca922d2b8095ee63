"""Task hubs, admin endpoints, throttling and the added round trip."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from azure_kit.actions import finish, schedule
from azure_kit.hub import BareWorker, Hub, HubStub
from azure_kit.stand_in import StandIn
from durabletask.internal import orchestrator_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HALF_A_SECOND = "500ms"


def refusal(call: Callable[..., Any], *arguments: Any) -> grpc.Call:
    with pytest.raises(grpc.RpcError) as refused:
        call(*arguments)
    error: Any = refused.value
    return error


def test_call_without_a_hub_is_refused_by_the_name_of_the_header(hub: Hub) -> None:
    stub = HubStub(hub.channel, "")
    error = refusal(stub.Hello)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "'taskhub'" in error.details()


def test_unknown_hub_is_refused_in_the_words_of_the_service(own_hub: Hub) -> None:
    error = refusal(HubStub(own_hub.channel, "other").Hello)
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == "Task hub not found: other"


def test_hubs_know_nothing_of_each_other(server: StandIn, hub: Hub) -> None:
    hub.start(instance_id="mine")
    other = Hub(server, f"{hub.name}x")
    assert other.client.get_all_orchestration_states() == []
    other.close()


def test_hub_can_be_created_and_outlives_the_server(own_server: StandIn, own_hub: Hub) -> None:
    HubStub(own_hub.channel, "made").CreateTaskHub(pb.CreateTaskHubRequest())
    own_server.kill()
    own_server.start()
    hub = Hub(own_server, "made")
    hub.stub.Hello()
    hub.close()


def test_deleting_a_hub_ends_its_streams_and_its_data(own_hub: Hub) -> None:
    made = Hub(own_hub.server, "made")
    made.stub.CreateTaskHub(pb.CreateTaskHubRequest())
    made.start(instance_id="job")
    with BareWorker(made) as worker:
        worker.next()
        made.stub.DeleteTaskHub(pb.DeleteTaskHubRequest())
        assert refusal(worker.next).code() is grpc.StatusCode.UNAVAILABLE
    assert refusal(made.stub.Hello).code() is grpc.StatusCode.NOT_FOUND
    made.stub.CreateTaskHub(pb.CreateTaskHubRequest())
    assert made.client.get_orchestration_state("job") is None
    made.close()


def test_hub_name_that_could_leave_the_folder_is_refused(own_hub: Hub) -> None:
    stub = HubStub(own_hub.channel, "../other")
    error = refusal(stub.CreateTaskHub, pb.CreateTaskHubRequest())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_status_says_plainly_what_it_is(hub: Hub) -> None:
    status = hub.server.admin("/status")
    assert "it is not DTS" in status["what"]
    assert status["versions"]["github.com/microsoft/durabletask-go"] == "v0.6.0"
    assert any("entities" in part for part in status["not_modelled"])
    with BareWorker(hub) as worker:
        hub.start()
        worker.next()
        assert hub.server.admin("/status")["hubs"][hub.name]["workers"] == 1
    assert "This is not DTS." in hub.server.said


def test_admin_endpoints_answer_only_to_names_of_this_machine(server: StandIn) -> None:
    connection = http.client.HTTPConnection(server.admin_address, timeout=10)
    connection.request("GET", "/status", headers={"Host": "example.com"})
    answer = connection.getresponse()
    assert answer.status == http.client.FORBIDDEN
    answer.read()
    connection.request("GET", "/health", headers={"Host": "localhost:1"})
    assert json.load(connection.getresponse()) == {"healthy": True}
    connection.close()


def test_counts_of_an_unknown_hub_are_not_found(server: StandIn) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as missing:
        server.admin("/actions?hub=nobody")
    missing.value.close()


def start_until_refused(hub: Hub) -> tuple[int, Any]:
    for started in range(1000):
        try:
            hub.start()
        except grpc.RpcError as error:
            return started, error
    raise AssertionError("never refused")


def test_client_over_the_limit_is_refused_and_told_when_to_come_again(tmp_path: Path) -> None:
    with StandIn(tmp_path / "data", "--actions-per-second", "3") as server:
        hub = Hub(server, "default")
        started, error = start_until_refused(hub)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        wait = dict(error.trailing_metadata())["retry-after-ms"]
        assert 0 < int(wait) <= 340
        states = hub.client.get_all_orchestration_states()  # reading costs nothing
        assert len(states) == started >= 3
        hub.close()


def test_work_items_over_the_limit_come_later(tmp_path: Path) -> None:
    with StandIn(tmp_path / "data", "--actions-per-second", "10") as server:
        hub = Hub(server, "default")
        hub.start(instance_id="job")
        with BareWorker(hub) as worker:
            worker.complete(worker.next(), *(schedule(number) for number in range(1, 15)))
            begun = time.monotonic()
            for _ in range(14):
                worker.next()
        assert time.monotonic() - begun > 0.5
        hub.close()


def test_round_trip_is_added_to_calls_and_to_work_items_on_their_way_together(
    tmp_path: Path,
) -> None:
    with StandIn(tmp_path / "data", "--round-trip", HALF_A_SECOND) as server:
        hub = Hub(server, "default")
        begun = time.monotonic()
        hub.start(instance_id="job")
        assert time.monotonic() - begun >= 0.5
        with BareWorker(hub) as worker:
            numbers = list(range(1, 9))
            worker.complete(worker.next(), *(schedule(number) for number in numbers))
            begun = time.monotonic()
            tasks = [worker.next().activityRequest.taskId for _ in numbers]
            assert time.monotonic() - begun < 1  # one after the other they would take 1.75 s
        assert tasks == numbers
        assert server.admin("/status")["round_trip_ms"] == 500
        hub.close()


def test_finished_instances_are_purged_after_their_retention(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with StandIn(folder) as server:
        hub = Hub(server, "default")
        hub.start(instance_id="done")
        hub.start(instance_id="running")
        with BareWorker(hub) as worker:
            worker.complete(worker.next(), finish())
        hub.finished("done")
        hub.close()
    with StandIn(folder, "--retention", "1ns") as server:
        hub = Hub(server, "default")
        deadline = time.monotonic() + 10
        while hub.client.get_orchestration_state("done") is not None:
            assert time.monotonic() < deadline
        assert hub.client.get_orchestration_state("running") is not None
        hub.close()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--sku", "free"], '--sku is "free", want consumption or dedicated'),
        (["--units", "4"], "--units is 4, want 1 to 3"),
        (["--sku", "consumption", "--retention", "721h"], "with the consumption SKU"),
        (["--hubs", "a/b"], '"a/b" is no task hub name'),
        (["--throttle", "maybe"], '--throttle is "maybe", want on or off'),
        (["--tls-cert", "x.pem"], "--tls-cert and --tls-key go together"),
        (["extra"], 'unexpected argument "extra"'),
    ],
)
def test_wrong_options_are_refused_with_what_is_wrong(
    tmp_path: Path, options: list[str], problem: str
) -> None:
    with pytest.raises(ValueError, match="dts-stand-in") as refused:
        StandIn(tmp_path / "data", *options).start()
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        ([], 2000),
        (["--units", "3"], 6000),
        (["--sku", "consumption"], 500),
        (["--throttle", "off"], 0),
    ],
)
def test_limit_follows_the_sku(tmp_path: Path, options: list[str], limit: int) -> None:
    with StandIn(tmp_path / "data", *options) as server:
        assert server.admin("/status")["actions_per_second"] == limit
