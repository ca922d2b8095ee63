"""Across processes: a client here, the worker in a process of its own, one file between them."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure import SyncClient

_WORKER = """
import sys
from benchmarks import programs
programs.app(sys.argv[1]).run_worker()
"""


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[SyncClient]:
    """A client whose workflows run in another process."""
    path = tmp_path / "perdure.db"
    with programs.app(path).client() as opened:
        worker = subprocess.Popen([sys.executable, "-c", _WORKER, str(path)])
        try:
            opened.start(programs.chain, 1).result()
            yield opened
        finally:
            worker.terminate()
            worker.wait(timeout=20)


def bench_result_across_processes(benchmark: Any, remote: SyncClient) -> None:
    """Start, one activity, result: two wake-ups, of the worker and of the client."""
    benchmark.extra_info["durability"] = "WAL, synchronous=FULL"
    benchmark.pedantic(lambda: remote.start(programs.chain, 1).result(), rounds=50)


def bench_event_across_processes(benchmark: Any, remote: SyncClient) -> None:
    """An event to a workflow that waits for it, one activity, result."""
    benchmark.extra_info["durability"] = "WAL, synchronous=FULL"

    def waiting() -> tuple[tuple[Any], dict[str, Any]]:
        handle = remote.start(programs.chain_and_wait, 0)
        time.sleep(0.02)  # until it waits
        return (handle,), {}

    def go(handle: Any) -> None:
        handle.raise_event("go", 1)
        assert handle.result() == 1

    benchmark.pedantic(go, setup=waiting, rounds=50)
