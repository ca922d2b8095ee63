"""A demo's worker processes: one at a time, killed or stopped by whoever started them."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from io import BufferedWriter

ROOT: Final = Path(__file__).parents[2]
_PATIENCE_SECONDS: Final = 10
_LOG_TAIL: Final = 1_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """A worker that was killed, and when."""

    pid: int
    at_us: int


class WorkerDiedError(RuntimeError):
    """A worker ended that nobody had killed."""


class Crew:
    """Starts a worker, kills it, starts the next. On leaving, whatever runs is stopped."""

    def __init__(self, module: str, log: Path) -> None:
        self._module = module
        self._log_path = log
        self._log: BufferedWriter
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._log = self._log_path.open("ab")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._log.close()

    @property
    def pid(self) -> int | None:
        """The process id of the worker, if one runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> int:
        """Start a worker and return its process id."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "examples.shared.worker", self._module],
            cwd=ROOT,  # so that Python finds the folder `examples`
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for the demo alone; it then stops the worker itself
        )
        return self._process.pid

    def kill(self) -> Kill:
        """Kill the worker with SIGKILL: it has no chance to tidy up."""
        process = self._worker()
        kill = Kill(pid=process.pid, at_us=time.time_ns() // 1_000)
        process.kill()
        process.wait(_PATIENCE_SECONDS)
        self._forget(process)
        return kill

    def check(self) -> None:
        """Make sure that the worker lives.

        Raises:
            WorkerDiedError: It does not.
        """
        process = self._worker()
        if process.poll() is not None:
            tail = self._log_path.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
            raise WorkerDiedError(
                f"worker {process.pid} ended by itself with {process.returncode}:\n{tail}"
            )

    def stop(self) -> None:
        """Let the worker finish what it does and end."""
        if self._process is None:
            return
        process = self._process
        try:
            process.communicate(timeout=_PATIENCE_SECONDS)  # closes its standard input
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_PATIENCE_SECONDS)
        self._forget(process)

    def _worker(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise WorkerDiedError("no worker was started")
        return self._process

    def _forget(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin:
            process.stdin.close()
        self._process = None
