"""``perdure stack`` as its users have it, on a stack that a plugin offers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import CommandLine, interrupted, pauses
from tests.sources import ROOT
from tests.stack.fake_stack import is_alive
from tests.stack.plugin_folder import install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def perdure(tmp_path: Path) -> Iterator[CommandLine]:
    """A command line with the plugin of the stack called ``fake``, in an empty folder."""
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    install(plugins, "fake", {"fake": "tests.stack.fake_stack:FakeKind"})
    folder = tmp_path / "folder"
    folder.mkdir()
    variables = {"PYTHONPATH": os.pathsep.join([str(plugins), str(ROOT)])}
    command = CommandLine(url="sqlite", folder=folder, variables=variables)
    yield command
    command.ok("stack", "down", "fake")


def test_up_prints_what_a_shell_can_take_over(perdure: CommandLine) -> None:
    done = perdure.ok("stack", "up", "fake")

    assert "fake: started: base, left, right" in done.err
    script = f'{done.out}echo "$PERDURE_BACKEND $FAKE_TOKEN"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    url, token = shell.stdout.rstrip("\n").split(" ", 1)
    assert url.startswith("fake://127.0.0.1:")
    assert token == "it's secret"


def test_up_ends_though_its_output_is_a_pipe_and_the_servers_stay(perdure: CommandLine) -> None:
    # The command line was run with pipes, and they were read to their end.
    record = perdure.ok("stack", "up", "fake", "-o", "json").json()
    assert record["started"] == ["base", "left", "right"]
    assert all(is_alive(process["pid"]) for process in record["processes"])


def test_a_second_up_says_so_and_is_content(perdure: CommandLine) -> None:
    first = perdure.ok("stack", "up", "fake")
    again = perdure.ok("stack", "up", "fake")
    assert "fake is up already" in again.err
    assert again.out == first.out


def test_what_was_killed_is_started_again(perdure: CommandLine) -> None:
    record = perdure.ok("stack", "up", "fake", "-o", "json").json()
    pid = next(each["pid"] for each in record["processes"] if each["name"] == "left")
    os.kill(pid, signal.SIGKILL)
    assert "started again what was missing: left" in perdure.ok("stack", "up", "fake").err


def test_the_stacks_own_options_are_read(perdure: CommandLine) -> None:
    words = ("--number", "7", "--is-loud", "--mode=well", "--token", "abc")
    record = perdure.ok("stack", "up", "fake", *words, "-o", "json").json()
    shown = {"number": 7, "is_loud": True, "mode": "well", "token": "***"}
    assert record["options"] == shown


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--colour", "red"), "no such option: --colour"),
        (("--number",), "--number needs a value"),
        (("--number", "few"), "--number needs a whole number, not 'few'"),
        (("--is-loud=yes",), "--is-loud takes no value"),
        (("--mode", "unheard of"), "--mode: must be one that is known"),
    ],
)
def test_a_wrong_option_starts_nothing(
    perdure: CommandLine, words: tuple[str, ...], problem: str
) -> None:
    done = perdure("stack", "up", "fake", *words)
    assert done.code == 2
    assert problem in done.err
    assert "try: perdure stack options fake" in done.err
    assert perdure.ok("stack", "status", "-o", "json").json() == []


def test_other_options_than_those_in_force_are_a_conflict(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    done = perdure("stack", "up", "fake", "--number", "2")
    assert done.code == 7
    assert "--number is 1, not 2" in done.err
    assert "try: perdure stack down fake" in done.err


def test_a_server_that_cannot_start_ends_the_command_with_3(perdure: CommandLine) -> None:
    done = perdure("stack", "up", "fake", "--mode", "ends")
    assert done.code == 3
    assert "right ended instead of becoming healthy" in done.err
    assert "this server cannot go on: no such table" in done.err


def test_wait_is_how_long_it_may_take(perdure: CommandLine) -> None:
    done = perdure("stack", "up", "fake", "--mode", "sick", "--wait", "1s")
    assert done.code == 3
    assert "right was not healthy within 1 s" in done.err


def test_status_has_every_process_and_what_to_export(perdure: CommandLine) -> None:
    up = perdure.ok("stack", "up", "fake")
    done = perdure.ok("stack", "status")
    header, *rows = done.lines[:4]
    assert header.split() == ["STACK", "PROCESS", "PID", "HEALTH", "MEMORY", "PORTS", "LOG"]
    assert [row.split()[:2] for row in rows] == [["fake", n] for n in ("base", "left", "right")]
    assert all(row.split()[3] == "ok" for row in rows)
    assert done.out.endswith(up.out)


def test_what_a_stack_must_not_be_mistaken_for_is_told_each_time(perdure: CommandLine) -> None:
    about = "this is a fake, not the real thing"
    assert about in perdure.ok("stack", "up", "fake").err
    assert about in perdure.ok("stack", "up", "fake").err
    assert about in perdure.ok("stack", "status").err
    assert perdure.ok("stack", "status", "fake", "-o", "json").json()[0]["about"] == about


def test_status_in_json_has_all_of_it(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    (record,) = perdure.ok("stack", "status", "fake", "-o", "json").json()
    assert record["is_up"]
    assert record["environment"]["PERDURE_BACKEND"] == record["url"]
    left = next(each for each in record["processes"] if each["name"] == "left")
    assert left["ports"]["http"] > 0
    assert left["memory_bytes"] > 1_000_000
    assert left["version"] == "1.0"
    assert left["log"].endswith("logs/left.log")


def test_status_of_what_is_not_well_ends_with_3(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    perdure.ok("stack", "down", "fake")
    done = perdure("stack", "status", "fake")
    assert done.code == 3
    assert done.out.count("ended") == 3
    assert "export" not in done.out


def test_status_of_what_was_never_up_ends_with_4(perdure: CommandLine) -> None:
    done = perdure("stack", "status", "fake")
    assert done.code == 4
    assert "try: perdure stack up fake" in done.err


def test_down_says_what_it_stopped(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    done = perdure.ok("stack", "down", "fake", "-o", "json")
    assert done.json() == {"name": "fake", "stopped": ["left", "right", "base"]}
    assert "fake was not up" in perdure.ok("stack", "down", "fake").err


def test_stored_state_is_deleted_only_after_a_yes(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    assert perdure("stack", "down", "fake", "--purge-state").code == 2
    assert perdure.ok("stack", "status", "fake").lines
    perdure.ok("stack", "down", "fake", "--purge-state", "--yes")
    assert not (perdure.folder / ".perdure/stack/fake/state").exists()


def test_logs_are_those_of_one_process_or_of_all(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    assert perdure.ok("stack", "logs", "fake", "left").out.startswith("left begins on ")
    everything = perdure.ok("stack", "logs", "fake").out
    assert "base  | base begins on" in everything
    assert "right | right begins on" in everything
    assert perdure("stack", "logs", "fake", "middle").code == 1


def test_followed_logs_go_on_until_ctrl_c(perdure: CommandLine) -> None:
    perdure.ok("stack", "up", "fake")
    process = perdure.begin("stack", "logs", "fake", "left", "--follow")
    assert process.stdout is not None
    assert process.stdout.readline().startswith("left begins on ")
    perdure.ok("stack", "status", "fake")  # its health checks are logged
    while "GET /healthz" not in process.stdout.readline():
        pass
    assert interrupted(process).code == 130


def test_a_folder_of_ones_own(perdure: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    perdure.ok("stack", "up", "fake", "--folder", str(folder))
    assert perdure.ok("stack", "status", "-o", "ids").out == ""
    assert perdure.ok("stack", "status", "fake", "--folder", str(folder), "-o", "ids").out == (
        "fake\n"
    )
    perdure.ok("stack", "down", "fake", "--folder", str(folder))
    assert not (perdure.folder / ".perdure").exists()


def test_options_are_listed_with_their_defaults(perdure: CommandLine) -> None:
    done = perdure.ok("stack", "options", "fake")
    assert done.lines[0].split() == ["OPTION", "DEFAULT", "MEANS"]
    assert done.lines[1].split() == ["--mode", "MODE", "well", "How", "the", "last", "one", "is."]
    assert done.lines[3].split() == ["--is-loud", "off", "A", "flag."]


def test_build_makes_the_programs_ready(perdure: CommandLine) -> None:
    done = perdure.ok("stack", "build", "fake", "--number", "3")
    assert done.out == "fake 1.0, options {'number': 3}\n"
    assert "building" in done.err


def test_an_unknown_stack_is_an_error_with_what_there_is(perdure: CommandLine) -> None:
    done = perdure("stack", "up", "fakee")
    assert done.code == 1
    assert "there is no such stack (did you mean 'fake'?)" in done.err


def test_help_loads_no_plugin(perdure: CommandLine) -> None:
    code = (
        "import sys; sys.argv = ['perdure', 'stack', 'up', '--help']\n"
        "from perdure.cli import main\n"
        "try: main()\n"
        "except SystemExit: print([n for n in sys.modules if n.startswith(('tests', 'http'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=perdure.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.endswith("[]\n")


def begun(perdure: CommandLine) -> subprocess.Popen[str]:
    """Begin an ``up`` that goes on waiting, and return once all its servers have started."""
    process = perdure.begin("stack", "up", "fake", "--mode", "sick")
    diary = perdure.folder / ".perdure/stack/fake/state/diary"
    for _ in pauses():
        if diary.exists() and "start right" in diary.read_text():
            return process
    raise AssertionError("its servers did not start")


def running(perdure: CommandLine) -> list[str]:
    done = perdure("stack", "status", "fake", "-o", "json")
    return [each["name"] for each in done.json()[0]["processes"] if each["is_running"]]


def test_ctrl_c_leaves_nothing_running(perdure: CommandLine) -> None:
    process = begun(perdure)
    assert interrupted(process).code == 130
    assert running(perdure) == []


def test_what_a_killed_up_left_is_taken_down(perdure: CommandLine) -> None:
    process = begun(perdure)
    assert interrupted(process, signal.SIGKILL).code == -signal.SIGKILL
    assert running(perdure) == ["base", "left", "right"]
    perdure.ok("stack", "down", "fake")
    assert running(perdure) == []
