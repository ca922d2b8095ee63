"""Liveness by locks: with real processes that are killed, stopped and forked."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from perdure.embedded.locks import ProcessLock, is_dead, remove, sweep
from tests.embedded_substrate.sandbox import run, spawn

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_HOLDER = """
from perdure.embedded.locks import ProcessLock
lock = ProcessLock.hold(Path(sys.argv[1]))
print(lock.name, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the locks are; it is made by whoever comes first."""
    return tmp_path / "hub.db.locks"


@pytest.fixture
def peer(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that holds a lock, and the lock's name."""
    with spawn(_HOLDER, folder) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.kill()


def test_process_is_dead_once_it_is_killed(
    folder: Path, peer: tuple[subprocess.Popen[str], str]
) -> None:
    process, name = peer
    assert not is_dead(folder, name)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert is_dead(folder, name)


def test_stopped_process_is_not_dead(folder: Path, peer: tuple[subprocess.Popen[str], str]) -> None:
    process, name = peer
    process.send_signal(signal.SIGSTOP)
    assert not is_dead(folder, name)
    process.send_signal(signal.SIGCONT)
    assert not is_dead(folder, name)


def test_own_lock_is_not_dead_and_asking_does_not_drop_it(folder: Path) -> None:
    lock = ProcessLock.hold(folder)
    assert not is_dead(folder, lock.name)
    (folder / "alias").symlink_to(folder)
    assert not is_dead(folder / "alias", lock.name)
    script = (
        "from perdure.embedded.locks import is_dead\nprint(is_dead(Path(sys.argv[1]), sys.argv[2]))"
    )
    assert run(script, folder, lock.name) == "False"
    lock.release()
    assert run(script, folder, lock.name) == "True"


def test_released_lock_leaves_no_file_and_may_be_released_again(folder: Path) -> None:
    lock = ProcessLock.hold(folder)
    assert lock.is_held
    lock.release()
    lock.release()
    assert not lock.is_held
    assert is_dead(folder, lock.name)
    assert os.listdir(folder) == []


def test_lock_whose_file_was_taken_away_is_not_held(folder: Path) -> None:
    lock = ProcessLock.hold(folder)
    (folder / lock.name).unlink()
    assert not lock.is_held
    assert is_dead(folder, lock.name)
    lock.release()


_FORKER = """
import time
from perdure.embedded.locks import ProcessLock, is_dead
folder = Path(sys.argv[1])
lock = ProcessLock.hold(folder)
child = os.fork()
if child == 0:
    os.setsid()
    assert not is_dead(folder, lock.name)  # the parent's, as seen from here
    lock.release()                         # which must not take the parent's away
    assert not is_dead(folder, lock.name)
    own = ProcessLock.hold(folder)
    print(os.getpid(), lock.name, own.name, flush=True)
    time.sleep(20)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_forked_child_neither_drops_nor_keeps_its_parents_lock(folder: Path) -> None:
    with spawn(_FORKER, folder) as parent:
        assert parent.stdout is not None
        child, parents, own = parent.stdout.readline().split()
        assert not is_dead(folder, parents)
        parent.kill()
        parent.wait()
        assert is_dead(folder, parents)
        assert not is_dead(folder, own)
        os.kill(int(child), signal.SIGKILL)


def test_only_the_file_of_a_dead_process_is_removed(
    folder: Path, peer: tuple[subprocess.Popen[str], str]
) -> None:
    process, name = peer
    remove(folder, name)
    assert (folder / name).exists()
    process.kill()
    process.wait()
    remove(folder, name)
    remove(folder, name)
    assert not (folder / name).exists()


def test_sweep_takes_orphans_only(folder: Path, peer: tuple[subprocess.Popen[str], str]) -> None:
    mine = ProcessLock.hold(folder)
    orphan, known = "0" * 32, "1" * 32
    for name in (orphan, known, "notes.txt"):
        (folder / name).touch()
    assert sweep(folder, known=frozenset({known})) == 1
    assert set(os.listdir(folder)) == {mine.name, peer[1], known, "notes.txt"}
    assert mine.is_held
    mine.release()


def test_sweep_of_a_folder_that_is_not_there(folder: Path) -> None:
    assert sweep(folder, known=frozenset()) == 0


def test_locks_made_while_others_sweep_are_held(folder: Path) -> None:
    sweeper = """
    from perdure.embedded.locks import sweep
    print("ready", flush=True)
    while True: sweep(Path(sys.argv[1]), known=frozenset())
    """
    folder.mkdir()
    with spawn(sweeper, folder) as process:
        assert process.stdout is not None
        process.stdout.readline()
        locks = [ProcessLock.hold(folder) for _ in range(300)]
        process.kill()
    assert all(lock.is_held for lock in locks)
    assert set(os.listdir(folder)) == {lock.name for lock in locks}
    for lock in locks:
        lock.release()
