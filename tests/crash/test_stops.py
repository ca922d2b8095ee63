"""Workers are stopped, continued and drained.

What lives is never taken for dead, and nothing runs twice.
"""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from tests.crash import evidence, shapes
from tests.crash.campaign import Worker, environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.timeout(120)]

_INSTANCES = 8


def _start(client: perdure.SyncClient) -> None:
    for number in range(_INSTANCES):
        client.start("chain", arguments={"name": f"c{number}"}, instance_id=f"c{number}")


def _results(client: perdure.SyncClient) -> dict[str, object]:
    ids = [f"c{number}" for number in range(_INSTANCES)]
    return {i: client.get(None, i).result(timeout=timedelta(seconds=60)) for i in ids}


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the workers did not get to work"
        time.sleep(0.005)


def _begun_by(folder: Path, pid: int) -> int:
    lines = evidence.read(folder / "record.jsonl")
    return sum(line.pid == pid and line.phase == "begin" for line in lines)


def _check(folder: Path, results: dict[str, object]) -> evidence.Findings:
    assert results == {i: shapes.EXPECTED["chain"](i) for i in results}
    findings = evidence.examine(evidence.read(folder / "record.jsonl"))
    assert findings.repeated_after_commit == []
    return findings


def test_a_stopped_worker_is_not_taken_for_dead_and_goes_on(tmp_path: Path) -> None:
    app = perdure.App("crash", backend=environment(tmp_path)["CRASH_BACKEND"])
    workers = [Worker(tmp_path)]  # alone at first, so that it has work when it is stopped
    stopped = workers[0]
    try:
        with app.client() as client:
            _start(client)
            _wait_until(lambda: _begun_by(tmp_path, stopped.pid) > 3)
            workers.append(Worker(tmp_path))
            stopped.process.send_signal(signal.SIGSTOP)
            time.sleep(2.5)  # real time, for it is really stopped: two rounds of the other's checks
            stopped.process.send_signal(signal.SIGCONT)
            results = _results(client)
    finally:
        for worker in workers:
            worker.kill()
    assert _check(tmp_path, results).repeated_in_doubt == 0


def test_a_drained_worker_finishes_what_runs_and_another_goes_on(tmp_path: Path) -> None:
    app = perdure.App("crash", backend=environment(tmp_path)["CRASH_BACKEND"])
    first = Worker(tmp_path)
    with app.client() as client:
        _start(client)
        _wait_until(lambda: _begun_by(tmp_path, first.pid) > 3)
        first.end()
        assert first.process.returncode == 0
        second = Worker(tmp_path)
        try:
            results = _results(client)
        finally:
            second.kill()
    assert _check(tmp_path, results).repeated_in_doubt == 0
