"""State in PostgreSQL and in Redis, on real ones; each test has one of its own."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from stack.sidecar_http import STORE, ask

from perdure.stack import LOOPBACK, PortBook
from perdure_dapr.stack import DaprStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Start = Callable[..., DaprStack]

SECONDS = 30


def program(name: str) -> str:
    """Return where a server is installed, or skip the test."""
    places = [str(folder) for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], *places]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@contextlib.contextmanager
def serving(command: Sequence[str], *, user: str | None, until: Sequence[str]) -> Iterator[None]:
    """Run a server until the end of the block, which begins once ``until`` succeeds."""
    with subprocess.Popen(command, user=user, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + SECONDS
            while subprocess.run(until, capture_output=True, check=False).returncode != 0:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert time.monotonic() < end, f"{command[0]} does not answer"
                time.sleep(0.05)
            yield
        finally:
            # What both take for "at once, but in order": PostgreSQL has children to wait for.
            process.send_signal(signal.SIGINT)


@pytest.fixture
def port() -> Iterator[int]:
    with contextlib.closing(PortBook({})) as book:
        yield book.take("database")


@pytest.fixture
def postgresql(port: int) -> Iterator[str]:
    """Start a PostgreSQL, and return how to connect to it."""
    postgres, initdb, is_ready = program("postgres"), program("initdb"), program("pg_isready")
    user = None
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = "postgres"
        try:
            pwd.getpwnam(user)
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    # Not below tmp_path, which another user cannot enter.
    with tempfile.TemporaryDirectory() as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = str(Path(folder) / "data")
        made = [initdb, "-D", data, "-U", "dapr", "-A", "trust", "--no-sync"]
        subprocess.run(made, user=user, check=True, capture_output=True)
        command = [postgres, "-D", data, "-h", LOOPBACK, "-p", str(port), "-k", folder]
        until = [is_ready, "-h", LOOPBACK, "-p", str(port), "-U", "dapr"]
        with serving([*command, "-c", "logging_collector=on"], user=user, until=until):
            yield f"host={LOOPBACK} port={port} user=dapr dbname=postgres sslmode=disable"


@pytest.fixture
def redis(port: int, tmp_path: Path) -> Iterator[str]:
    """Start a Redis, and return its address."""
    server, client = program("redis-server"), program("redis-cli")
    command = [server, "--bind", LOOPBACK, "--port", str(port), "--dir", str(tmp_path)]
    until = [client, "-h", LOOPBACK, "-p", str(port), "ping"]
    with serving(command, user=None, until=until):
        yield f"{LOOPBACK}:{port}"


def holds_a_value_over_down_and_up(start: Start, state: str) -> list[str]:
    """Store through one stack, read through the next; return the kinds of their components."""
    stack = start(StackOptions(state=state))
    assert ask(stack, STORE, [{"key": "city", "value": "Oslo"}])[0] == 204
    stack.down()
    stack = start(StackOptions(state=state))
    assert ask(stack, f"{STORE}/city") == (200, "Oslo")
    assert not (stack.folder.state / "workflows.db").exists()
    return [each["type"] for each in ask(stack, "/v1.0/metadata")[1]["components"]]


def test_state_in_postgresql(start: Start, postgresql: str) -> None:
    kinds = holds_a_value_over_down_and_up(start, f"postgresql={postgresql}")
    assert kinds == ["state.postgresql"]


def test_state_in_redis(start: Start, redis: str) -> None:
    kinds = holds_a_value_over_down_and_up(start, f"redis={redis}")
    assert kinds == ["state.redis"]
