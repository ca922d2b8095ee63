"""The processes of a campaign that are ours: workers, which get killed, and the client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from random import Random

    from tests.crash.evidence import Line

ROOT: Final = Path(__file__).parents[2]

_SUICIDES: Final = 0.5
_LATEST_SUICIDE: Final = 12
_END_SECONDS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Who runs the workflows: perdure, or a vendor's own SDK.

    Attributes:
        name: In reports.
        folder: That of the plugin's tests, where its modules are found.
        worker: The module that is a worker process.
        calls: The module that makes the client's calls.
        workflows: Those that it can express.
        nudge: An event, name and payload, that makes an instance take a turn and says nothing.
        environment: What its processes need besides.
    """

    name: str
    folder: Path
    worker: str
    calls: str
    workflows: tuple[str, ...]
    nudge: tuple[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)


def search_path(folder: Path) -> dict[str, str]:
    """Return an environment in which a process finds the campaign's modules and a plugin's."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}


def spawn(
    module: str,
    *arguments: str,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    is_listening: bool = False,
) -> Process:
    """Start a Python process that finds the modules of ``folder``; one that listens can be told."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**search_path(folder), **environment},
            stdin=subprocess.PIPE if is_listening else subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    return Process(process)


class Process:
    """One process of ours."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._process.poll() is not None

    @property
    def has_killed_itself(self) -> bool:
        """Whether it ended at a kill point of its own; ask before you kill it."""
        return self._process.poll() == -signal.SIGKILL

    def kill(self) -> None:
        """End it with SIGKILL, if it has not ended."""
        self._process.kill()
        self._process.communicate()

    def end(self) -> bool:
        """Ask it to end, kill it if it does not, and return whether it did."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        return True


class Crew:
    """The worker processes of one side, each in its place.

    Args:
        side: Whose they are.
        environments: By the name of the worker, how it reaches its server.
        logs: Where logs go.
        chance: Decides where a worker kills itself.
    """

    def __init__(
        self,
        side: Side,
        environments: Mapping[str, Mapping[str, str]],
        *,
        logs: Path,
        chance: Random,
    ) -> None:
        self._side = side
        self._environments = environments
        self._logs = logs
        self._chance = chance
        self._workers: dict[str, Process] = {}
        self.killed: dict[int, float] = {}
        self.died: set[int] = set()

    def start(self, name: str, *, is_armed: bool) -> None:
        """Start a worker; an armed one may kill itself when an activity has done its work."""
        point = "none:0"
        if is_armed and self._chance.random() < _SUICIDES:
            point = f"result:{self._chance.randint(1, _LATEST_SUICIDE)}"
        self._workers[name] = spawn(
            self._side.worker,
            folder=self._side.folder,
            environment={**self._environments[name], "CRASH_POINT": point},
            log=self._logs / f"{name}.log",
        )

    def kill(self, name: str) -> None:
        """Kill a worker."""
        worker = self._workers.pop(name, None)
        if worker is not None:
            self.killed[worker.pid] = time.monotonic()
            worker.kill()

    def bury(self) -> dict[str, bool]:
        """Return the workers that have ended by themselves, and whether at a kill point."""
        ended = {name: worker for name, worker in self._workers.items() if worker.has_ended}
        for name, worker in ended.items():
            del self._workers[name]
            self.died.add(worker.pid)
        return {name: worker.has_killed_itself for name, worker in ended.items()}

    def deaths(self, lines: Iterable[Line]) -> dict[int, float]:
        """Return when each worker died, by pid; by itself it did so after its last line."""
        last = {line.pid: line.at for line in lines}
        return {**self.killed, **{pid: last[pid] for pid in self.died if pid in last}}

    def end(self) -> list[str]:
        """Ask all workers to end, and return the names of those that did not."""
        stuck = [name for name, worker in self._workers.items() if not worker.end()]
        self._workers.clear()
        return stuck

    def pids(self, names: Sequence[str]) -> list[int]:
        """Return the process ids of those of ``names`` that live."""
        return [self._workers[name].pid for name in names if name in self._workers]

    @property
    def names(self) -> list[str]:
        """The names of the workers that are there."""
        return list(self._workers)
