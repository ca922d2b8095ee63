"""Whole programs on real servers of the durable task protocol."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.bridge.programs import WatchedBridge, app
from tests.bridge.servers import STAND_IN, address_of, durable_server, in_memory_server
from tests.bridge.workers import Client, running_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(600)  # the first may have to build the server


@pytest.fixture(scope="module", params=["in memory", STAND_IN])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a server."""
    with contextlib.ExitStack() as stack:
        if request.param == "in memory":
            yield stack.enter_context(in_memory_server())
            return
        folder = tmp_path_factory.mktemp("server")
        yield address_of(stack.enter_context(durable_server(folder)))


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    """A client, with a worker beside it."""
    bridge = WatchedBridge(app)
    with running_worker(address, bridge), contextlib.closing(Client(address)) as client:
        yield client
    assert not bridge.parked


def test_a_tour_of_everything(client: Client) -> None:
    client.start("tour", "tour-1", width=4)
    client.raise_event("tour-1", "go", {"nothing": None})
    assert client.result("tour-1") == [[1, 2, 3, 4], {"nothing": None}, 3, 2, "late"]


def test_falsy_events_arrive_as_they_are(client: Client) -> None:
    client.start("approvals", "falsy", names=["e"] * 6)
    payloads: list[Any] = [None, 0, False, "", [], {}]
    for payload in payloads:
        client.raise_event("falsy", "e", payload)
    assert client.result("falsy") == payloads


def test_no_event_is_lost_over_many_runs(client: Client) -> None:
    client.start("counting", "many", left=40, seen=[])
    for number in range(40):
        client.raise_event("many", "tick", number)
    assert client.result("many") == list(range(40))


def test_a_late_answer_to_an_earlier_run_does_no_harm(client: Client) -> None:
    client.start("outlived", "outlived-1", left=2)
    assert client.result("outlived-1") == "second"


def test_the_children_of_an_ended_parent_are_terminated(client: Client) -> None:
    client.start("leaving_by_name", "left", child_id="left-child")
    assert client.result("left") == "gone"
    client.sdk.wait_for_orchestration_completion("left-child", timeout=30)
    assert client.status("left-child") == "TERMINATED"


def test_a_terminated_child_reaches_its_parent_as_such(client: Client, address: str) -> None:
    if address.startswith("localhost"):
        pytest.skip("the server in memory tells it as any other failure")
    client.start("minding", "minding-1", child_id="minded")
    client.appears("minded")
    client.sdk.terminate_orchestration("minded")
    assert client.result("minding-1") == "terminated"


def test_a_suspended_instance_keeps_what_comes(client: Client) -> None:
    client.start("approvals", "held", names=["go"])
    client.sdk.wait_for_orchestration_start("held", timeout=30)
    client.sdk.suspend_orchestration("held")
    client.raise_event("held", "go", 1)
    client.sdk.resume_orchestration("held")
    assert client.result("held") == [1]


def test_a_payload_of_many_kilobytes_comes_through(client: Client) -> None:
    value = "xπ" * 50_000
    client.start("echo", "large", value=value)
    assert client.result("large") == value
