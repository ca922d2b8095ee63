"""A side as the measuring process sees it: a process that it gives orders to."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from perdure_bench.sides.serving import Done

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from perdure_bench.sides.jobs import Job

_END_SECONDS = 10.0
_READ_BYTES = 1 << 16
_CONNECT_SECONDS = 60.0
_LINES_OF_LOG = 20


class SideFailedError(RuntimeError):
    """A side's process ended, and nothing that it was measured with can be used."""

    def __init__(self, *, side: str, order: str, log: Path) -> None:
        lines = log.read_text(errors="replace").splitlines()[-_LINES_OF_LOG:]
        end = "\n".join(lines)
        super().__init__(f"the process of {side} ended when told to {order}; its log ends:\n{end}")


class SideTimedOutError(RuntimeError):
    """A side did not answer in time; its process was killed."""

    def __init__(self, *, side: str, order: str, seconds: float) -> None:
        super().__init__(f"{side} did not {order} within {seconds:g} s, and was killed")


class Side:
    """The process of one side, from ``with`` to its end.

    Args:
        name: Of the side.
        module: What it runs; one that calls :func:`perdure_bench.sides.serving.serve`.
        environment: Its variables beyond those of this process.
        log: The file for its standard error.
        arguments: What its command line has after the module.
    """

    def __init__(
        self,
        name: str,
        *,
        module: str,
        environment: Mapping[str, str],
        log: Path,
        arguments: Sequence[str] = (),
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._read = b""

    def __enter__(self) -> Self:
        """Start it."""
        with self._log.open("ab") as log:
            self._began = time.perf_counter()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environment},
                bufsize=0,
                # Ctrl-C is for the measuring process, which ends the sides itself.
                start_new_session=True,
            )
        self._read = b""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        with process:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def age_seconds(self) -> float:
        """How long ago the process was started."""
        return time.perf_counter() - self._began

    def kill(self) -> None:
        """End it with SIGKILL, and return once it is gone."""
        process, self._process = self._process, None
        if process is not None:
            with process:
                process.send_signal(signal.SIGKILL)

    def connect(self) -> None:
        """Have its worker and its client connected.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
        """
        self.order("connect", within=_CONNECT_SECONDS)

    def disconnect(self) -> None:
        """Have them disconnected; the process stays.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
        """
        self.order("disconnect", within=_CONNECT_SECONDS)

    def run(self, job: Job, instance_ids: Sequence[str], *, within: float) -> Done:
        """Have a job done within so many seconds.

        Raises:
            SideFailedError: It ended; also if a result was wrong.
            SideTimedOutError: It did not answer in time.
        """
        return Done(**self.order("run", within=within, job=asdict(job), ids=list(instance_ids)))

    def order(self, what: str, *, within: float, **details: object) -> dict[str, Any]:
        """Give an order, and return the answer.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer within so many seconds.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"do": what, **details}).encode() + b"\n")
        except BrokenPipeError:
            raise SideFailedError(side=self.name, order=what, log=self._log) from None
        line = self._line(within)
        if line is None:
            self.kill()
            raise SideTimedOutError(side=self.name, order=what, seconds=within)
        if not line:
            raise SideFailedError(side=self.name, order=what, log=self._log)
        content: dict[str, Any] = json.loads(line)
        return content

    def _line(self, within: float) -> bytes | None:
        """Return the next line; ``None`` if none comes in time, nothing if the process ended."""
        assert self._process is not None
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        last = time.monotonic() + within
        while b"\n" not in self._read:
            left = last - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                return None
            piece = os.read(output, _READ_BYTES)
            if not piece:
                return b""
            self._read += piece
        line, _, self._read = self._read.partition(b"\n")
        return line
