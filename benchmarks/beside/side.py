"""A side as the measuring process sees it: a process that it gives orders to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

from benchmarks.beside.serving import Done

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from benchmarks.beside.workloads import Job

_END_SECONDS = 30


class SideFailedError(RuntimeError):
    """A side's process ended, and nothing that it was measured with can be used."""

    def __init__(self, *, side: str, order: str, log: Path) -> None:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-40:])
        super().__init__(f"the process of {side} ended when told to {order}; its log ends:\n{end}")


class Side:
    """The process of one side, from ``with`` to its end.

    Args:
        name: Of the side.
        module: What it runs; one that calls :func:`benchmarks.beside.serving.serve`.
        environment: Its variables beyond those of this process.
        log: The file for its standard error.
    """

    def __init__(
        self, name: str, *, module: str, environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self._module = module
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._began = 0.0

    def __enter__(self) -> Self:
        """Start it."""
        with self._log.open("ab") as log:
            self._began = time.perf_counter()
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **self._environment},
                text=True,
            )
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
    def age_seconds(self) -> float:
        """How long ago the process was started."""
        return time.perf_counter() - self._began

    def connect(self) -> None:
        """Have its worker and its client connected.

        Raises:
            SideFailedError: It ended.
        """
        self._order("connect")

    def disconnect(self) -> None:
        """Have them disconnected; the process stays.

        Raises:
            SideFailedError: It ended.
        """
        self._order("disconnect")

    def run(self, job: Job, instance_ids: Sequence[str]) -> Done:
        """Have a job done.

        Raises:
            SideFailedError: It ended; also if a result was wrong.
        """
        return Done(**self._order("run", job=asdict(job), ids=list(instance_ids)))

    def _order(self, what: str, **details: object) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps({"do": what, **details}) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise SideFailedError(side=self.name, order=what, log=self._log)
        content: dict[str, Any] = json.loads(answer)
        return content
