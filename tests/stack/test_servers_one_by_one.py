"""Killing, stopping and starting single servers, and looking at them."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from perdure.stack import ServerNotHealthyError, Stack, StackError
from tests.stack.fake_stack import diary, is_alive, pauses, pids

if TYPE_CHECKING:
    from tests.stack.fake_stack import FakeKind


def status_of(stack: Stack, name: str) -> tuple[bool, bool]:
    found = next(server for server in stack.status() if server.name == name)
    return found.is_running, found.is_healthy


def test_a_killed_server_starts_again_on_its_port(stack: Stack, kind: FakeKind) -> None:
    stack.up()
    pid, port = pids(stack)["right"], stack.record().ports["right.http"]

    stack.kill("right")
    assert not is_alive(pid)
    assert status_of(stack, "right") == (False, False)
    assert "stop right" not in diary(stack)
    stack.start("right")

    assert status_of(stack, "right") == (True, True)
    assert stack.record().ports["right.http"] == port
    assert kind.settled[-1] == "right"


def test_a_stopped_server_was_asked_to_end(stack: Stack) -> None:
    stack.up()
    stack.stop("right")
    assert status_of(stack, "right") == (False, False)
    assert diary(stack)[-1] == "stop right"


def test_a_start_that_fails_is_told(stack: Stack, kind: FakeKind) -> None:
    stack.up()
    stack.kill("left")
    kind.problem = "does not lead"
    with pytest.raises(ServerNotHealthyError, match="left does not lead"):
        stack.start("left")


def test_starting_one_that_runs_changes_nothing(stack: Stack) -> None:
    stack.up()
    before = pids(stack)
    stack.start("left")
    assert pids(stack) == before


def test_a_server_that_hangs_runs_and_is_not_healthy(stack: Stack) -> None:
    stack.up()
    pid = pids(stack)["left"]
    os.kill(pid, signal.SIGSTOP)
    assert status_of(stack, "left") == (True, False)
    os.kill(pid, signal.SIGCONT)


def test_a_server_that_hangs_is_stopped_all_the_same(stack: Stack) -> None:
    stack.up({"mode": "stubborn"})
    pid = pids(stack)["right"]
    os.kill(pid, signal.SIGSTOP)
    stack.down()
    assert not is_alive(pid)


def test_usage_is_that_of_the_process(stack: Stack) -> None:
    stack.up()
    stack.kill("base")
    found = stack.usage()
    assert sorted(found) == ["left", "right"]
    assert 5_000_000 < found["left"].memory_bytes <= found["left"].peak_memory_bytes < 500_000_000
    assert 0 < found["left"].cpu_seconds < 30


def test_the_log_is_what_the_server_wrote(stack: Stack) -> None:
    stack.up()
    port = stack.record().ports["left.http"]
    for _ in pauses():
        if "HTTP/1.1" in stack.log("left"):
            break
    assert stack.log("left").startswith(f"left begins on {port}\n")


@pytest.mark.parametrize("what", ["kill", "stop", "start", "log"])
def test_an_unknown_server_is_refused_with_those_there_are(stack: Stack, what: str) -> None:
    stack.up()
    with pytest.raises(StackError, match="no server 'middle'; it has: base, left, right"):
        getattr(stack, what)("middle")


def test_what_users_export_is_in_the_environment(stack: Stack) -> None:
    stack.up()
    port = stack.record().ports["right.http"]
    assert stack.url == f"fake://127.0.0.1:{port}"
    assert stack.environment["PERDURE_BACKEND"] == stack.url
