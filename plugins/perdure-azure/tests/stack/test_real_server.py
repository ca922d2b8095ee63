"""The stand-in itself: up in time, on loopback only, killed and started again with all it held."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import grpc
import pytest
from azure_kit.sdk_programs import client_of, result_of, worker_of

from perdure.stack import StackDiffersError
from perdure_azure.stack import AzureStack, StackOptions
from tests.cli.command_line import CommandLine
from tests.stack.listeners import LOOPBACK, listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., AzureStack]

NAME = "dts-stand-in"

# Asks for an instance as a user's program would that has the exported variables.
ASK = """
import os
from durabletask.azuremanaged.client import DurableTaskSchedulerClient
said = dict(part.split("=", 1) for part in
            os.environ["DURABLE_TASK_SCHEDULER_CONNECTION_STRING"].split(";"))
scheme, _, target = said["Endpoint"].partition("://")
client = DurableTaskSchedulerClient(host_address=target, taskhub=said["TaskHub"],
                                    token_credential=None, secure_channel=scheme == "https")
print(scheme, client.get_orchestration_state("nobody"))
"""


def ask(stack: AzureStack, path: str) -> Any:
    """Return what the stand-in tells of itself."""
    connection = http.client.HTTPConnection(urlsplit(stack.admin_url).netloc, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return json.loads(answer)


@pytest.mark.serial
def test_it_is_up_in_under_two_seconds(start: Start) -> None:
    begun = time.monotonic()
    stack = start()
    assert time.monotonic() - begun < 2
    (server,) = stack.status()
    assert (server.name, server.is_healthy) == (NAME, True)


def test_it_listens_on_loopback_only(start: Start) -> None:
    (server,) = start().status()
    found = list(listeners(server.pid or 0))
    assert len(found) == 2
    assert [each for each in found if not each.startswith(LOOPBACK)] == []


def test_instances_outlive_a_kill_and_go_on(start: Start) -> None:
    stack = start()
    ports = stack.record().ports
    with worker_of(stack), client_of(stack) as client:
        client.schedule_new_orchestration("approval", input="Oslo", instance_id="trip-1")
        client.wait_for_orchestration_start("trip-1", timeout=30)
        stack.kill(NAME)
        stack.start(NAME)
    assert stack.record().ports == ports
    with worker_of(stack), client_of(stack) as client:
        client.raise_orchestration_event("trip-1", "approval", data="yes")
        assert result_of(client, "trip-1") == '["hello Oslo", "yes"]'


def test_instances_outlive_down_and_up_at_the_same_address(start: Start) -> None:
    stack = start()
    before = stack.environment
    with worker_of(stack), client_of(stack) as client:
        client.schedule_new_orchestration("approval", input="Rome", instance_id="trip-1")
        client.raise_orchestration_event("trip-1", "approval", data=1)
        result_of(client, "trip-1")
    stack.down()
    again = start()
    assert again.environment == before
    with client_of(again) as client:
        assert result_of(client, "trip-1") == '["hello Rome", 1]'


def test_the_state_is_gone_after_a_purge(start: Start) -> None:
    stack = start()
    with client_of(stack) as client:
        client.schedule_new_orchestration("approval", input="Rome", instance_id="trip-1")
    stack.down(is_state_purged=True)
    with client_of(start()) as client:
        assert client.get_orchestration_state("trip-1") is None


def test_hubs_are_apart_and_no_other_is_there(start: Start) -> None:
    stack = start(StackOptions(hubs="trips,tours"))
    with client_of(stack, "trips") as client:
        client.schedule_new_orchestration("approval", input="Rome", instance_id="trip-1")
    with client_of(stack, "tours") as client:
        assert client.get_orchestration_state("trip-1") is None
    with client_of(stack, "others") as client, pytest.raises(grpc.RpcError) as caught:
        client.get_orchestration_state("trip-1")
    assert "Task hub not found: others" in str(caught.value)


def test_the_round_trip_is_added_to_a_call(start: Start) -> None:
    with client_of(start(StackOptions(round_trip="200ms"))) as client:
        begun = time.monotonic()
        client.get_orchestration_state("nobody")
        assert time.monotonic() - begun >= 0.2


def test_it_says_of_itself_what_was_chosen(start: Start) -> None:
    stack = start(StackOptions(hubs="trips,tours", sku="consumption", round_trip="cross-region"))
    status = ask(stack, "/status")
    assert "local stand-in" in status["what"]
    assert (status["sku"], status["actions_per_second"]) == ("consumption", 500)
    assert status["round_trip_ms"] == 30
    assert sorted(status["hubs"]) == ["tours", "trips"]
    assert ask(stack, "/actions?hub=trips")


def test_its_version_is_that_of_the_library(start: Start) -> None:
    assert start().record().versions == {NAME: "durabletask-go 0.6.0"}


@pytest.mark.parametrize("is_secure", [False, True])
def test_the_exported_variables_are_all_that_a_program_needs(start: Start, is_secure: bool) -> None:
    stack = start(StackOptions(tls=is_secure))
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        env={**os.environ, **stack.environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["https" if is_secure else "http", "None"]


@pytest.fixture
def perdure(program: str, tmp_path: Path) -> Iterator[CommandLine]:
    """A command line in a folder where no stack is up."""
    command = CommandLine(url="azure", folder=tmp_path)
    yield command
    command.ok("stack", "down", "azure")


def test_the_command_line_says_each_time_that_it_is_not_dts(perdure: CommandLine) -> None:
    up = perdure.ok("stack", "up", "azure")
    said = "perdure's local stand-in for Azure Durable Task Scheduler; it is not DTS"
    assert said in up.err
    assert "export PERDURE_BACKEND=azure\n" in up.out
    assert "export DURABLE_TASK_SCHEDULER_CONNECTION_STRING='Endpoint=http://127.0.0.1:" in up.out
    assert said in perdure.ok("stack", "status").err
    (record,) = perdure.ok("stack", "status", "-o", "json").json()
    assert said in record["about"]
    assert [each["name"] for each in record["processes"]] == [NAME]
    assert "not DTS" in perdure.ok("stack", "logs", "azure").out
    assert said in perdure.ok("stack", "build", "azure").out


def test_other_options_than_those_in_force_are_told(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "azure", "--round-trip", "same-region", "--throttle=off")
    done = perdure("stack", "up", "azure", "--round-trip", "30ms")
    assert done.code == 7
    assert "--round-trip is same-region, not 30ms" in done.err


def test_a_stack_of_another_process_is_left_alone(start: Start) -> None:
    stack = start()
    with pytest.raises(StackDiffersError, match="--sku is dedicated, not consumption"):
        stack.up({"sku": "consumption"})
    assert stack.status()[0].is_healthy
