"""Workers: ready, told to stop, drained; in a process of their own, by signals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure.app import App
from perdure.spi.history import ActivityCompleted
from perdure.types import Status
from tests.client.workflows import LIMIT, approve, twice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCRIPT = """
import sys, time
import perdure
from perdure.app import App

app = App("script", backend=sys.argv[1])

@app.activity
def slow(seconds: float) -> str:
    time.sleep(seconds)
    return "slept"

@app.workflow
async def nap(seconds: float) -> str:
    return await slow(seconds)

app.run_worker()
"""


@pytest.fixture
def hub(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hub.db"


@pytest.fixture
def worker_process(tmp_path: Path, hub: str) -> Iterator[subprocess.Popen[str]]:
    script = tmp_path / "worker_script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), hub]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    raise AssertionError(f"the worker ended without saying {words!r}")


async def test_a_worker_runs_what_a_client_starts(app: App) -> None:
    async with app.worker(), app.client() as client:
        handle = await client.start(twice, 4)

        assert await handle.result(timeout=LIMIT) == 8


async def test_says_when_it_is_ready(app: App, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="perdure.worker")
    async with app.worker():
        assert "worker of app 'client-tests' is ready on sqlite" in caplog.text


async def test_nothing_runs_without_a_worker(app: App) -> None:
    async with app.client() as client:
        handle = await client.start(approve)

        assert (await handle.info()).status is Status.PENDING


async def test_waiting_ends_when_told_to_stop(app: App) -> None:
    async with app.worker() as worker:
        asyncio.get_running_loop().call_later(0.02, worker.stop)
        async with asyncio.timeout(5):
            await worker.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_waiting_ends_at_a_signal_and_gives_the_handlers_back(
    app: App, number: signal.Signals
) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with app.worker() as worker:
        asyncio.get_running_loop().call_later(0.02, os.kill, os.getpid(), number)
        async with asyncio.timeout(5):
            await worker.wait()

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_waiting_outside_the_main_thread_catches_no_signals(app: App) -> None:
    async def work() -> None:
        async with app.worker() as worker:
            asyncio.get_running_loop().call_later(0.02, worker.stop)
            await worker.wait()

    await asyncio.wait_for(asyncio.to_thread(asyncio.run, work()), timeout=5)


async def test_leaving_lets_a_running_activity_end(hub: str) -> None:
    app = App("draining", backend=hub)
    begun = threading.Event()
    ended = threading.Event()

    @app.activity
    async def slow() -> str:
        begun.set()
        await asyncio.sleep(0.2)
        ended.set()
        return "done"

    @app.workflow
    async def nap() -> str:
        return await slow()

    async with app.run() as client:
        await client.start(nap, instance_id="nap")
        assert await asyncio.to_thread(begun.wait, 5)

    assert ended.is_set()
    async with app.client() as client:
        kinds = [type(event) for event in await client.get(nap, "nap").history()]
    assert ActivityCompleted in kinds


async def test_leaving_gives_up_what_takes_longer_than_the_drain(hub: str) -> None:
    app = App("draining", backend=hub)
    runs: list[str] = []
    begun = threading.Event()

    @app.activity
    async def first_slow_then_quick() -> int:
        runs.append(perdure.current_activity().idempotency_key)
        begun.set()
        if len(runs) == 1:
            await asyncio.sleep(60)
        return len(runs)

    @app.workflow
    async def nap() -> int:
        return await first_slow_then_quick()

    begin = time.monotonic()
    async with app.run(drain_timeout=LIMIT / 100) as client:
        await client.start(nap, instance_id="nap")
        assert await asyncio.to_thread(begun.wait, 5)
    assert time.monotonic() - begin < 5

    async with app.run() as client:
        assert await client.get(nap, "nap").result(timeout=LIMIT) == 2
    assert runs[0] == runs[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_script_drains_at_a_signal(
    worker_process: subprocess.Popen[str], hub: str, number: signal.Signals
) -> None:
    assert "worker of app 'script' is ready on sqlite: 1 workflows, 1 activities" in read_until(
        worker_process, "ready"
    )
    with App("starter", backend=hub).client() as client:
        handle = client.start("nap", arguments={"seconds": 0.4})
        deadline = time.monotonic() + 5
        while len(handle.history()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        worker_process.send_signal(number)

        assert worker_process.wait(10) == 0
        kinds = [type(event).__name__ for event in handle.history()]
    assert "ActivityCompleted" in kinds
    assert worker_process.stderr is not None
    assert "Traceback" not in worker_process.stderr.read()


EAGER = """
import logging, os, signal

class StopAtOnce(logging.Handler):
    def emit(self, record):
        if "is ready" in record.getMessage():
            os.kill(os.getpid(), signal.SIGTERM)

logging.getLogger("perdure.worker").addHandler(StopAtOnce())
"""


def test_a_signal_that_comes_with_readiness_drains_the_worker(tmp_path: Path, hub: str) -> None:
    script = tmp_path / "eager_script.py"
    script.write_text(EAGER + SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), hub], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "has stopped" in done.stderr
