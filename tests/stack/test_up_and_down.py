"""Bringing a stack up and taking it down, when all goes well and when something does not."""

from __future__ import annotations

import http.client
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from perdure.errors import ConfigurationError
from perdure.stack import (
    ServerNotHealthyError,
    Stack,
    StackDiffersError,
    StackError,
    StackNotUpError,
)
from tests.stack.fake_stack import (
    NAMES,
    FakeKind,
    diary,
    environment_of,
    is_alive,
    open_files,
    pids,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_up_returns_when_every_server_is_healthy(stack: Stack) -> None:
    started = stack.up()

    assert (started.servers, started.was_up) == (NAMES, False)
    assert [server.is_healthy for server in stack.status()] == [True, True, True]
    for part in stack.record().servers:
        connection = http.client.HTTPConnection("127.0.0.1", part.server.ports["http"], timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_stage_waits_for_the_one_before_and_ends_before_it(stack: Stack) -> None:
    stack.up()
    stopped = stack.down()

    wrote = diary(stack)
    assert wrote[0] == "start base"
    assert set(wrote[1:3]) == {"start left", "start right"}
    assert set(wrote[3:5]) == {"stop left", "stop right"}
    assert wrote[5:] == ["stop base"]
    assert stopped == ["left", "right", "base"]


def test_down_stops_what_up_started_and_nothing_else(stack: Stack) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    stack.up()
    ours = pids(stack)

    stack.down()

    assert [name for name, pid in ours.items() if is_alive(pid)] == []
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_server_that_does_not_end_is_killed_after_its_grace(stack: Stack) -> None:
    stack.up({"mode": "stubborn"})
    pid = pids(stack)["right"]

    assert "right" in stack.down()

    assert not is_alive(pid)
    assert "stop right" not in diary(stack)


def test_a_second_up_starts_nothing(stack: Stack) -> None:
    stack.up()
    before = pids(stack)

    started = stack.up()

    assert (started.servers, started.was_up) == ((), True)
    assert pids(stack) == before


def test_a_second_up_with_the_same_options_is_content(stack: Stack) -> None:
    stack.up({"number": 3})
    assert stack.up({"number": 3}).was_up
    assert stack.up().was_up  # nothing was asked for, so nothing differs


def test_up_with_other_options_says_which_and_changes_nothing(stack: Stack) -> None:
    stack.up({"number": 3, "token": "one"})
    before = pids(stack)

    with pytest.raises(StackDiffersError) as caught:
        stack.up({"number": 4, "token": "two", "is_loud": True})

    assert caught.value.differences == (
        "--number is 3, not 4",
        "another --token",
        "--is-loud is off, not on",
    )
    assert "two" not in str(caught.value)
    assert pids(stack) == before


def test_options_may_change_once_it_is_down(stack: Stack) -> None:
    stack.up({"number": 3})
    stack.down()
    stack.up({"number": 4})
    assert stack.record().options["number"] == 4


def test_the_ports_are_the_same_after_down_and_up(stack: Stack) -> None:
    stack.up()
    before = stack.record().ports
    stack.down()

    assert stack.up().notes == ()

    assert stack.record().ports == before
    assert sorted(before) == ["base.http", "left.http", "right.http"]


def test_down_twice_does_nothing_more(stack: Stack) -> None:
    stack.up()
    assert len(stack.down()) == 3
    assert stack.down() == []


def test_where_it_was_never_up_down_leaves_no_trace(tmp_path: Path) -> None:
    stack = Stack("fake", tmp_path / "nowhere")
    assert stack.down() == []
    assert not stack.folder.path.exists()
    with pytest.raises(StackNotUpError, match=r"'fake': it is not up in .*nowhere"):
        stack.status()


def test_what_it_stored_is_kept_unless_it_is_purged(stack: Stack) -> None:
    stack.up()
    stack.down()
    assert (stack.folder.state / "diary").exists()
    stack.up()

    stack.down(is_state_purged=True)

    assert sorted(path.name for path in stack.folder.path.iterdir()) == ["lock", "logs"]


def test_only_its_owner_can_look_inside(stack: Stack) -> None:
    stack.up()
    modes = {path.name: path.stat().st_mode for path in stack.folder.path.iterdir()}
    assert stat.S_IMODE(stack.folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(modes["stack.json"]) == 0o600


def test_a_server_gets_its_own_variables_and_none_of_the_users(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAPR_API_TOKEN", "of the user's shell")
    stack.up()
    variables = environment_of(pids(stack)["left"])
    assert variables["FAKE"] == "left"
    assert "DAPR_API_TOKEN" not in variables


def test_a_server_holds_nothing_of_the_caller_but_its_log(stack: Stack) -> None:
    # Whoever reads from a pipe to its end would wait for a server that holds it too.
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    stack.up()
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)
    files = [name for name in open_files(pids(stack)["left"]) if not name.startswith("socket:")]
    assert set(files) == {"/dev/null", str(stack.log_path("left"))}


def test_a_server_that_ends_is_told_with_the_end_of_its_log(stack: Stack) -> None:
    with pytest.raises(ServerNotHealthyError) as caught:
        stack.up({"mode": "ends"})

    message = str(caught.value)
    assert message.startswith("stack 'fake': right ended instead of becoming healthy")
    assert "  | this server cannot go on: no such table" in message
    assert str(stack.log_path("right")) in message


def test_a_failed_start_leaves_nothing_running(stack: Stack) -> None:
    with pytest.raises(ServerNotHealthyError, match="right was not healthy within 1 s"):
        stack.up({"mode": "sick"}, wait_seconds=1)

    assert {"start base", "start left", "stop base", "stop left"} <= set(diary(stack))
    assert pids(stack) == {}


def test_what_settles_a_server_is_asked_and_believed(stack: Stack, kind: FakeKind) -> None:
    stack.up()
    assert kind.settled == list(NAMES)
    stack.down()
    kind.problem = "does not lead"
    with pytest.raises(ServerNotHealthyError, match="base does not lead"):
        stack.up()


def test_servers_that_do_not_fit_together_are_stopped(stack: Stack, kind: FakeKind) -> None:
    kind.is_fitting = False
    with pytest.raises(StackError, match="do not fit together"):
        stack.up()
    assert pids(stack) == {}


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    stack = Stack("fake", tmp_path / "fake", kind=FakeKind(program="/nowhere/server"))
    with pytest.raises(StackError, match="base cannot be started: /nowhere/server: No such file"):
        stack.up()


def test_an_option_that_cannot_be_used_starts_nothing(stack: Stack) -> None:
    with pytest.raises(ConfigurationError, match="--mode: must be one that is known"):
        stack.up({"mode": "unheard of"})
    with pytest.raises(StackNotUpError):
        stack.record()


def test_two_ups_at_once_bring_up_one_stack(stack: Stack, kind: FakeKind, said: list[str]) -> None:
    other = Stack("fake", stack.folder.path, kind=kind, tell=said.append)
    started: list[tuple[str, ...]] = []
    threads = [
        threading.Thread(target=lambda each=each: started.append(each.up().servers))
        for each in (stack, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(started) == [(), NAMES]
    assert diary(stack).count("start base") == 1
    assert any("another command works on stack 'fake'" in words for words in said)


def test_the_logs_of_the_time_before_are_kept_beside(stack: Stack) -> None:
    stack.up()
    first = stack.log("base")
    stack.down()
    stack.up()
    assert stack.log("base").count("base begins") == 1
    assert stack.log_path("base").with_suffix(".log.old").read_text() == first


@pytest.mark.parametrize("name", ["", "../up", "A", "a/b", "-x"])
def test_a_name_cannot_lead_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="small letters"):
        Stack(name, tmp_path)
