"""Run an example as its users do, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import demo
import evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER: Final = Path(demo.__file__).parent
QUICK: Final = ("--pace", "0.1", "--watch", "1.5")
PATIENCE_SECONDS: Final = 40.0

_NOT_PASSED_ON: Final = {"PERDURE_BACKEND", evidence.VARIABLE, "COLUMNS"}


@contextlib.contextmanager
def running(script: str | Path, *arguments: str, cwd: Path, **variables: str) -> Iterator[Any]:
    """Start a script of the example, or one that has a path, and end it with the block."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / script), *arguments],
        cwd=cwd,
        env=kept | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def output(process: subprocess.Popen[str], *, seconds: float = PATIENCE_SECONDS) -> str:
    """Return all that it prints, once it has ended."""
    return process.communicate(timeout=seconds)[0]


def wait_until(is_so: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Return once it is so; fail if it does not come to that."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """Return whether a process lives."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return state.stdout.strip()[:1] not in {"", "Z"}


def worker_of(state: Path, *, seconds: float = PATIENCE_SECONDS) -> int:
    """Wait for the first worker's first line, and return its process id."""
    path = state / "evidence.jsonl"
    wait_until(lambda: bool(evidence.read(path)), seconds=seconds)
    return evidence.read(path)[0].pid
