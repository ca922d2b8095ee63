"""Beginnings.

Import, a fresh file to its first result, recovery of a long history, and what stays resident.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks import floor, programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_FINISHED_STEPS = 1_000
_FIRST_RESULT = """
import sys, perdure
app = perdure.App("first", backend="sqlite:///" + sys.argv[1])
@app.activity
async def echo(value: int) -> int: return value
@app.workflow
async def one(value: int) -> int: return await echo(value)
with app.run() as client: assert client.start(one, 7).result() == 7
"""
_BARE = """
import asyncio, sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("CREATE TABLE t (a)")
"""
_MEMORY = """
import resource, sys
from benchmarks import programs
with programs.app(sys.argv[1]).run() as client:
    handles = [client.start(programs.chain, 10) for _ in range(200)]
    for handle in handles: handle.result()
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmRSS")))
"""


def _run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def _seconds(code: str) -> float:
    begun = time.perf_counter()
    _run(code)
    return time.perf_counter() - begun


def bench_import(benchmark: Any) -> None:
    """``import perdure``; the floor is an interpreter that does nothing."""
    benchmark.extra_info["floor_seconds"] = min(_seconds("pass") for _ in range(5))
    benchmark.extra_info["durability"] = "none"
    benchmark.pedantic(lambda: _run("import perdure"), rounds=5, warmup_rounds=1)


def bench_cold_start(benchmark: Any, tmp_path: Path) -> None:
    """A new process on a fresh file, to its first result.

    The floor is one that makes one commit.
    """
    files = iter(tmp_path / f"{number}.db" for number in range(100))
    seconds = []
    for number in range(5):
        begun = time.perf_counter()
        _run(_BARE, str(tmp_path / f"bare{number}.db"))
        seconds.append(time.perf_counter() - begun)
    benchmark.extra_info["floor_seconds"] = statistics.median(seconds)
    benchmark.extra_info["durability"] = "WAL, synchronous=FULL"
    benchmark.pedantic(lambda: _run(_FIRST_RESULT, str(next(files))), rounds=7, warmup_rounds=1)


def bench_resume(benchmark: Any, tmp_path: Path, beside: Callable[..., None]) -> None:
    """Open a file, replay an instance of 1,000 finished steps, and have its result."""
    beside(floor.read_back, rows=_FINISHED_STEPS, operations=_FINISHED_STEPS)
    app = programs.app(tmp_path / "perdure.db")
    ids = iter(f"r{number}" for number in range(100))

    def prepare() -> tuple[tuple[str], dict[str, Any]]:
        instance_id = next(ids)
        with app.run() as client:
            handle = client.start(programs.chain_and_wait, _FINISHED_STEPS, instance_id=instance_id)
            while len(handle.history()) < 1 + 2 * _FINISHED_STEPS:
                time.sleep(0.02)
        with app.client() as client:
            client.get(None, instance_id).raise_event("go", 1)
        return (instance_id,), {}

    def resume(instance_id: str) -> None:
        with app.run() as client:
            assert client.get(programs.chain_and_wait, instance_id).result() == 1

    benchmark.pedantic(resume, setup=prepare, rounds=5, warmup_rounds=1)


def bench_memory(benchmark: Any, tmp_path: Path) -> None:
    """What is resident after 200 workflows of 10 steps; the time is of no interest."""
    files = iter(tmp_path / f"{number}.db" for number in range(10))
    resident = []
    benchmark.pedantic(
        lambda: resident.append(int(_run(_MEMORY, str(next(files)))) // 1024), rounds=3
    )
    benchmark.extra_info["resident_megabytes"] = max(resident)
    benchmark.extra_info["durability"] = "WAL, synchronous=FULL"
