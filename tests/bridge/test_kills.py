"""SIGKILL of the worker and of the server: nothing is lost, nothing recorded is repeated."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from durabletask.client import OrchestrationStatus

from tests.bridge.servers import STAND_IN, address_of, durable_server
from tests.bridge.workers import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.stack import Stack

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
STEPS = 30
KILLS = 4


class Worker:
    """A worker process, and the record of what its activities do."""

    def __init__(self, address: str, record: Path) -> None:
        self._command = [sys.executable, "-m", "tests.bridge.worker_main", address, str(record)]
        self._process: subprocess.Popen[bytes] | None = None
        self.record = record

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def times(self, what: str) -> Counter[str]:
        """Return how often each step was ``begun`` or ``done``, by its idempotency key."""
        if not self.record.exists():
            return Counter()
        lines = (line.split() for line in self.record.read_text().splitlines())
        return Counter(line[3] for line in lines if line[0] == what)

    def wait_until(self, done: int) -> None:
        """Wait until so many steps are done."""
        deadline = time.monotonic() + 60
        while len(self.times("done")) < done:
            assert time.monotonic() < deadline, f"only {len(self.times('done'))} steps were done"
            time.sleep(0.005)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Stack]:
    with durable_server(tmp_path / "server") as server:
        yield server


@pytest.fixture
def worker(server: Stack, tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(address_of(server), tmp_path / "record")
    yield worker
    worker.kill()


@pytest.fixture
def client(server: Stack) -> Iterator[Client]:
    with contextlib.closing(Client(address_of(server))) as client:
        yield client


def test_a_killed_worker_loses_nothing_and_repeats_only_what_was_in_flight(
    client: Client, worker: Worker
) -> None:
    choice = random.Random(4)
    worker.start()
    client.start("walk", "walk-1", steps=STEPS)
    for kill in range(KILLS):
        worker.wait_until((kill + 1) * STEPS // (KILLS + 1))
        time.sleep(choice.random() * 0.05)
        worker.kill()
        worker.start()
    assert client.result("walk-1") == list(range(STEPS))
    begun = worker.times("begun")
    assert len(begun) == STEPS
    assert sum(begun.values()) <= STEPS + KILLS


def test_a_wide_instance_with_timers_and_events_survives_kills(
    client: Client, worker: Worker
) -> None:
    worker.start()
    client.start("spread", "spread-1", steps=STEPS)
    worker.wait_until(STEPS // 4)
    worker.kill()
    client.raise_event("spread-1", "go", 77)
    worker.start()
    worker.wait_until(STEPS // 2 + 2)
    worker.kill()
    worker.start()
    half = STEPS // 2
    assert client.result("spread-1") == [*range(half), 77, *range(half, STEPS)]


def test_a_killed_server_goes_on_where_it_was(
    client: Client, worker: Worker, server: Stack
) -> None:
    worker.start()
    client.start("walk", "walk-2", steps=STEPS)
    worker.wait_until(STEPS // 2)
    server.kill(STAND_IN)
    worker.kill()
    server.start(STAND_IN)
    worker.start()
    client.sdk.wait_for_orchestration_start("walk-2", timeout=30)
    assert client.result("walk-2") == list(range(STEPS))
    assert len(worker.times("done")) == STEPS
    state = client.sdk.get_orchestration_state("walk-2")
    assert state is not None
    assert state.runtime_status is OrchestrationStatus.COMPLETED
