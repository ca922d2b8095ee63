"""A process is known by its pid and its start time, and is gone when all of it is."""

from __future__ import annotations

import os
import platform
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from perdure.stack.process import (
    TOKEN_VARIABLE,
    ProcessId,
    is_running,
    marked,
    send,
    spawn,
    usage_of,
    wait_ended,
)
from tests.stack.fake_stack import is_alive, pauses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[[str], ProcessId]

# What ends one thread and not its process, by the kind of processor.
_EXIT = {"x86_64": 60, "aarch64": 93}
THREADS = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(60,)).start()
print("ready", flush=True)
ctypes.CDLL(None).syscall({number}, 0)
"""
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program in Python, which does not outlive the test."""
    started: list[ProcessId] = []

    def start(code: str) -> ProcessId:
        command = (sys.executable, "-c", code)
        variables = {TOKEN_VARIABLE: f"of {tmp_path}"}
        started.append(spawn(command, environment=variables, log=tmp_path / "log"))
        return started[-1]

    yield start
    for process in started:
        send(process, signal.SIGKILL)
    assert wait_ended(started, seconds=10) == []


def test_a_process_runs_until_it_is_killed(start: Start) -> None:
    process = start(SLEEP)
    assert is_running(process)
    send(process, signal.SIGKILL)
    assert wait_ended([process], seconds=10) == []
    assert not is_running(process)
    assert usage_of(process) is None


def test_another_start_time_is_another_process(start: Start) -> None:
    process = start(SLEEP)
    impostor = ProcessId(pid=process.pid, started=f"{process.started}0")
    assert not is_running(impostor)
    send(impostor, signal.SIGKILL)
    assert is_running(process)


def test_a_process_that_ended_is_waited_for(start: Start) -> None:
    process = start("pass")
    assert wait_ended([process], seconds=10) == []
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def test_a_process_that_others_must_wait_for_is_seen_to_have_ended(tmp_path: Path) -> None:
    # It is the child of one that never waits, so it stays as a zombie.
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {SLEEP!r}])\n"
        "print(child.pid, flush=True)\n"
        f"{SLEEP}"
    )
    log = tmp_path / "log"
    parent = spawn((sys.executable, "-c", code), environment={}, log=log)
    for _ in pauses():
        if log.exists() and log.read_text().endswith("\n"):
            break
    pid = int(log.read_text())
    os.kill(pid, signal.SIGKILL)
    for _ in pauses():
        if not is_alive(pid):
            break
    stat = f"/proc/{pid}/stat"
    with open(stat, encoding="utf-8") as file:
        ticks = file.read().rpartition(")")[2].split()[19]
    boot = parent.started.partition("/")[0]
    assert not is_running(ProcessId(pid=pid, started=f"{boot}/{ticks}"))
    send(parent, signal.SIGKILL)
    assert wait_ended([parent], seconds=10) == []


@pytest.mark.skipif(platform.machine() not in _EXIT, reason="the number of a system call")
def test_one_whose_first_thread_has_ended_lives_on_in_the_others(
    start: Start, tmp_path: Path
) -> None:
    # So it is for a moment after a kill, too: already a zombie by name, its ports still open.
    process = start(THREADS.format(number=_EXIT[platform.machine()]))
    for _ in pauses():
        if (tmp_path / "log").read_text() == "ready\n" and not is_alive(process.pid):
            break
    assert not is_alive(process.pid)  # by what its state says
    assert is_running(process)
    os.kill(process.pid, signal.SIGKILL)
    assert wait_ended([process], seconds=10) == []


def test_wait_returns_those_that_live_on(start: Start) -> None:
    process = start(SLEEP)
    assert wait_ended([process], seconds=0.05) == [process]


def test_a_process_is_found_by_its_token(start: Start, tmp_path: Path) -> None:
    process = start(SLEEP)
    assert list(marked(f"of {tmp_path}")) == [process]
    assert list(marked("of nobody")) == []
    assert list(marked("")) == []


def test_a_process_leads_a_session_of_its_own(start: Start) -> None:
    process = start(SLEEP)
    assert os.getsid(process.pid) == process.pid


def test_a_signal_that_we_ignore_works_there(start: Start, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        process = start(SLEEP)
    finally:
        signal.signal(signal.SIGTERM, before)
    send(process, signal.SIGTERM)
    assert wait_ended([process], seconds=10) == []
