"""A stack that is tied to a process goes when that goes, however it goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perdure.stack import Stack, StackError
from tests.sources import ROOT
from tests.stack.fake_stack import FakeKind, is_alive, pauses, pids

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = """
import sys, time
from pathlib import Path
from perdure.stack import Stack
from perdure.stack.record import write_record
from tests.stack.fake_stack import FakeKind

stack = Stack("fake", Path(sys.argv[1]), kind=FakeKind(), is_tied=True)
stack.up()
record = stack.record()
print("up", *(part.process.pid for part in record.servers), flush=True)
if sys.argv[2] == "forgetful":
    for part in record.servers:
        record = record.with_process(part.server.name, None)
    write_record(stack.folder.path, record)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "fake"


def owner(folder: Path, manner: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a process that owns a stack; return it, and the processes of the stack."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), manner],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    servers = [int(word) for word in process.stdout.readline().split()[1:]]
    assert process.stdout.readline() == "ready\n"
    return process, servers


def of_the_folder(folder: Path) -> Iterator[int]:
    """Yield every process that names the folder in its command line: servers and guardian."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in entry.read_bytes():
                yield int(entry.parent.name)
        except OSError:
            continue


@pytest.mark.parametrize("manner", ["careful", "forgetful"])
def test_a_killed_owner_leaves_nothing_behind(folder: Path, manner: str) -> None:
    process, servers = owner(folder, manner)
    assert len(servers) == 3
    assert all(is_alive(pid) for pid in servers)
    assert len(set(of_the_folder(folder))) == 5  # the owner, its guardian and three servers

    process.kill()
    process.communicate()

    for _ in pauses():
        if not any(is_alive(pid) for pid in of_the_folder(folder)):
            break
    assert [pid for pid in of_the_folder(folder) if is_alive(pid)] == []


def test_what_a_dead_owner_left_is_a_stack_that_is_down(folder: Path) -> None:
    process, servers = owner(folder, "careful")
    process.kill()
    process.communicate()
    for _ in pauses():
        if not any(is_alive(pid) for pid in servers):
            break

    stack = Stack("fake", folder, kind=FakeKind(), is_tied=True)
    assert stack.up().was_up is False
    stack.down()


def test_down_ends_the_guardian_too(folder: Path) -> None:
    stack = Stack("fake", folder, kind=FakeKind(), is_tied=True)
    stack.up()
    assert len(set(of_the_folder(folder))) == 4
    stack.down()
    assert list(of_the_folder(folder)) == []


def test_a_failed_start_ends_the_guardian_too(folder: Path) -> None:
    stack = Stack("fake", folder, kind=FakeKind(), is_tied=True)
    with pytest.raises(StackError):
        stack.up({"mode": "ends"})
    assert list(of_the_folder(folder)) == []


def test_a_stack_of_somebody_else_is_not_taken_over(folder: Path, stack: Stack) -> None:
    stack.up()
    before = pids(stack)
    tied = Stack("fake", stack.folder.path, kind=FakeKind(), is_tied=True)
    with pytest.raises(StackError, match="belongs to another process"):
        tied.up()
    assert pids(stack) == before
    assert all(is_alive(pid) for pid in before.values())


def test_a_port_stays_ours_while_its_server_is_down(folder: Path) -> None:
    stack = Stack("fake", folder, kind=FakeKind(), is_tied=True)
    stack.up()
    port = stack.record().ports["left.http"]
    stack.kill("left")

    taking = "import socket, sys; socket.socket().bind(('127.0.0.1', int(sys.argv[1])))"
    done: Any = subprocess.run(
        [sys.executable, "-c", taking, str(port)], capture_output=True, text=True, check=False
    )

    assert "Address already in use" in done.stderr, json.dumps(done.returncode)
    stack.start("left")
    stack.down()
