"""A stack of which something is missing, or whose record no longer tells the truth."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perdure.stack import ProcessId, Stack, StackError
from perdure.stack.record import write_record
from tests.stack.fake_stack import NAMES, is_alive, pauses, pids

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of ours."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def kill_behind_its_back(stack: Stack, *names: str) -> None:
    for name in names:
        os.kill(pids(stack)[name], signal.SIGKILL)
    for _ in pauses():
        if not any(server.is_running for server in stack.status() if server.name in names):
            return
    raise AssertionError(f"{names} live on")


def test_up_starts_what_was_killed_and_nothing_else(stack: Stack) -> None:
    stack.up()
    before, ports = pids(stack), stack.record().ports
    kill_behind_its_back(stack, "left")

    started = stack.up()

    assert (started.servers, started.was_up) == (("left",), True)
    after = pids(stack)
    assert {name for name in NAMES if after[name] != before[name]} == {"left"}
    assert stack.record().ports == ports
    assert all(server.is_healthy for server in stack.status())


def test_the_log_goes_on_where_the_killed_server_left_it(stack: Stack) -> None:
    stack.up()
    kill_behind_its_back(stack, "left")
    stack.up()
    assert stack.log("left").count("left begins") == 2


def test_down_stops_the_rest_of_a_stack_that_is_half_dead(stack: Stack) -> None:
    stack.up()
    kill_behind_its_back(stack, "base", "left")
    assert stack.down() == ["right"]


def test_a_record_whose_processes_are_all_dead_is_no_obstacle(stack: Stack) -> None:
    stack.up()
    ports = stack.record().ports
    kill_behind_its_back(stack, *NAMES)

    started = stack.up({"number": 7})

    assert (started.servers, started.was_up) == (NAMES, False)
    assert stack.record().ports == ports


def test_a_process_that_has_the_pid_by_now_is_left_alone(
    stack: Stack, stranger: subprocess.Popen[bytes]
) -> None:
    stack.up()
    stack.down()
    process = ProcessId(pid=stranger.pid, started="another time")
    write_record(stack.folder.path, stack.record().with_process("left", process))

    assert [server.pid for server in stack.status()] == [None, None, None]
    assert stack.down() == []
    assert stack.up().servers == NAMES
    assert stranger.poll() is None


def test_a_process_of_before_the_last_boot_is_not_ours(
    stack: Stack, stranger: subprocess.Popen[bytes]
) -> None:
    stack.up()
    process = next(part.process for part in stack.record().servers if part.process)
    ticks = process.started.partition("/")[2]
    stack.down()
    earlier = ProcessId(pid=stranger.pid, started=f"00000000-another-boot/{ticks}")
    write_record(stack.folder.path, stack.record().with_process("left", earlier))

    assert stack.down() == []
    assert stranger.poll() is None


def test_a_server_that_was_started_and_never_noted_is_found(stack: Stack) -> None:
    stack.up()
    forgotten = pids(stack)["left"]
    # As if `up` had been killed between the two.
    write_record(stack.folder.path, stack.record().with_process("left", None))

    assert stack.up().servers == ("left",)

    assert not is_alive(forgotten)
    assert is_alive(pids(stack)["left"])


def test_down_finds_it_too(stack: Stack) -> None:
    stack.up()
    forgotten = pids(stack)["left"]
    write_record(stack.folder.path, stack.record().with_process("left", None))
    assert set(stack.down()) == {"base", "right"}
    assert not is_alive(forgotten)


def test_a_port_that_a_stranger_took_is_told_and_moves_after_down(stack: Stack) -> None:
    stack.up()
    port = stack.record().ports["left.http"]
    kill_behind_its_back(stack, "left")
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(StackError) as caught:
            stack.up()
        assert f"left cannot have its port {port} (http) back" in str(caught.value)
        assert caught.value.step == "perdure stack down fake"

        stack.down()
        notes = stack.up().notes

    moved = stack.record().ports["left.http"]
    assert moved != port
    assert notes == (f"port {port} (left.http) was taken; it is {moved} now",)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 99}', "[1]"])
def test_a_record_that_cannot_be_read_says_what_to_do(stack: Stack, text: str) -> None:
    stack.folder.make()
    path = stack.folder.path / "stack.json"
    path.write_text(text)
    with pytest.raises(StackError, match=r"stack\.json cannot be used .* move it away"):
        stack.up()
    path.unlink()


def test_the_record_survives_writing_and_reading(stack: Stack) -> None:
    stack.up({"number": 5, "is_loud": True})
    record = stack.record()
    write_record(stack.folder.path, record)
    assert stack.record() == record
    assert json.loads((stack.folder.path / "stack.json").read_text())["format"] == 1
    assert stack.record() != replace(record, token="another")
