"""The processes that do the work: what they say of it, and that none of them stays."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from perdure_bench.places.place import Spent
from perdure_bench.sides.jobs import Job
from perdure_bench.sides.steps import Step, note_step, read_steps, steps_environment
from perdure_bench.sides.timing import WAITING, timed
from perdure_bench.usage import Usage

if TYPE_CHECKING:
    from pathlib import Path

STUCK = """
import time
from perdure_bench.sides.serving import serve

class Stuck:
    async def connect(self): pass
    async def start(self, shape, size, instance_id): time.sleep(600)

serve(Stuck())
"""


@pytest.mark.timeout(60)
def test_a_side_that_is_stuck_ends_with_its_measuring_process() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STUCK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as side:
        assert side.stdin is not None
        assert side.stdout is not None
        side.stdin.write(json.dumps({"do": "connect"}) + "\n")
        assert side.stdout.readline() == "{}\n"
        job = {"shape": "chain", "size": 1, "instances": 1, "clients": 1}
        side.stdin.write(json.dumps({"do": "run", "job": job, "ids": ["one"]}) + "\n")
        time.sleep(0.5)
        assert side.poll() is None
        side.stdin.close()
        assert side.wait(20) == 1


class Backend:
    """A side whose backend takes a while for each thing, and gives what it is told."""

    def __init__(self, gives: float = 0.0) -> None:
        self.gives = gives
        self.calls: list[str] = []

    async def connect(self) -> None:
        """Do nothing."""

    async def start(self, shape: str, size: float, instance_id: str) -> None:
        """Take the start; the workflow comes to its wait later."""
        self.calls.append("start")
        asyncio.get_running_loop().call_later(0.05, WAITING.add, instance_id)

    async def result(self, instance_id: str) -> float:
        """Give a result, or the instant of an activity that ran half a second later."""
        self.calls.append("result")
        return self.gives or time.perf_counter() + 0.5

    async def raise_event(self, instance_id: str) -> None:
        """Take an event."""
        self.calls.append("event" if instance_id in WAITING else "event too early")

    async def disconnect(self) -> None:
        """Do nothing."""


async def sample(backend: Backend, job: Job, instance_id: str) -> float:
    return await timed(backend, job, instance_id, starting=asyncio.Semaphore(1))


async def test_an_event_counts_from_when_it_is_raised_to_one_that_waits() -> None:
    backend = Backend()
    began = time.perf_counter()
    seconds = await sample(backend, Job(shape="event"), "waits-for-event")
    assert backend.calls == ["start", "event", "result"]
    assert 0.5 <= seconds < time.perf_counter() + 0.5 - began - 0.1


async def test_what_waits_counts_until_it_waits() -> None:
    assert await sample(Backend(), Job(shape="idle"), "waits") >= 0.05


async def test_a_wrong_result_gives_no_figure() -> None:
    with pytest.raises(ValueError, match=r"gave 8 instead of 9"):
        await sample(Backend(gives=8), Job(shape="chain", size=10), "wrong")


def test_steps_are_written_down_and_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "steps.jsonl"
    for name, value in steps_environment(file, blocks_at=1).items():
        monkeypatch.setenv(name, value)
    assert [note_step(number) for number in (0, 1, 2)] == [False, True, False]
    with file.open("a") as being_written:
        being_written.write('{"number": 3, "pi')
    steps = read_steps(file)
    assert [(step.number, step.pid) for step in steps] == [(n, os.getpid()) for n in (0, 1, 2)]
    assert steps == sorted(steps, key=lambda step: step.at)
    assert all(isinstance(step, Step) for step in steps)


class Servers:
    """A place with servers, of which what they spent is told in turn."""

    def __init__(self, *told: dict[str, Spent]) -> None:
        self.told = list(told)

    def spent(self) -> dict[str, Spent]:
        """Return the next."""
        return self.told.pop(0)


def spent(cpu_seconds: float, memory_bytes: int) -> Spent:
    return Spent(cpu_seconds=cpu_seconds, memory_bytes=memory_bytes)


def test_what_processes_use_is_told_for_each_round() -> None:
    place = Servers(
        {"daprd": spent(10.0, 100)}, {"daprd": spent(16.0, 150), "placement": spent(3.0, 7)}
    )
    with Usage(place, psutil.Process()) as usage:
        held = bytearray(50_000_000)
        time.sleep(0.2)
        del held
    figures = usage.figures(rounds=3, worker_cpu_seconds=1.5)
    assert figures["cpu_seconds.daprd"] == 2.0
    assert figures["memory_before_bytes.daprd"] == 100
    assert figures["memory_bytes.daprd"] == 150
    assert figures["cpu_seconds.worker"] == 0.5
    # One that was started meanwhile has spent what nobody knows.
    assert "cpu_seconds.placement" not in figures
    before = figures["memory_before_bytes.worker"]
    assert figures["memory_peak_bytes.worker"] - before > 40_000_000
    assert figures["memory_bytes.worker"] < figures["memory_peak_bytes.worker"]
