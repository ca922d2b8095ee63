"""Backend targets: how the conformance kit reaches a backend, its worker processes and its server.

A suite says which one by the fixture ``backend_target``. The default works for every backend that a
value of ``PERDURE_BACKEND`` reaches.
"""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from perdure.config import BACKEND_VARIABLE, PAYLOADS_VARIABLE
from perdure.errors import ConfigurationError
from perdure.types import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from perdure.clock import Clock
    from perdure.plugins import BackendFactory
    from perdure.spi.backend import Backend, Capability

_READY_SECONDS = 30.0
_END_SECONDS = 20.0
_POLL_SECONDS = 0.01


class BackendServer(Protocol):
    """A server that the kit may kill. Its state must outlive it."""

    def kill(self) -> None:
        """End it as SIGKILL does: nothing is flushed, nobody is told."""

    def start(self) -> None:
        """Start it again on the same state and address; return once it can be reached."""


class BackendTarget:
    """One backend under test; override what differs for yours.

    Attributes:
        url: The value of ``PERDURE_BACKEND`` that reaches it.
        folder: Where the kit keeps its own files: records and logs.
        factory: ``module:attribute`` of what makes the backend, where it is not installed as a
            plugin; ``None`` finds it by its name.
        server: Its server, if it has one that the kit may kill.
        payloads: How payloads are stored, as in ``PERDURE_PAYLOADS``, which it is by default.
        moment: The shortest wait that the backend tells apart from none, with room to spare.
        patience: How long anything at all may take in real time.
        has_manual_clock: Whether the backend keeps to the ``clock`` it is made with, and has a
            coroutine method ``settle()`` that returns once nothing is left to do at this instant.
            It must make one worker after another, for all that run in one test share its clock.
        emulated: Capabilities that the backend keeps in a roundabout way; the matrix says so.
    """

    def __init__(
        self,
        url: str,
        *,
        folder: Path,
        factory: str | None = None,
        server: BackendServer | None = None,
        payloads: str | None = None,
        environment: Mapping[str, str] = EMPTY,
        moment: timedelta = timedelta(seconds=0.5),
        patience: timedelta = timedelta(seconds=20),
        has_manual_clock: bool = False,
        emulated: frozenset[Capability] = frozenset(),
    ) -> None:
        """Describe the backend; ``environment`` is what worker processes get beside our own."""
        self.url = url
        self.folder = folder
        self.factory = factory
        self.server = server
        self.payloads = os.environ.get(PAYLOADS_VARIABLE) if payloads is None else payloads
        self.moment = moment
        self.patience = patience
        self.has_manual_clock = has_manual_clock
        self.emulated = emulated
        self._environment = environment
        self._workers: list[WorkerProcess] = []

    def __repr__(self) -> str:
        return f"<backend target {self.url!r}>"

    @property
    def name(self) -> str:
        """The backend's name, as the matrix shows it."""
        return re.split(r"://|\?", self.url, maxsplit=1)[0]

    def make_backend(self, *, clock: Clock) -> Backend:
        """Return the backend, not opened yet.

        Raises:
            ConfigurationError: The URL, or the factory, cannot be used.
            PluginError: It is not installed, or broken.
        """
        return load_factory(self.factory, url=self.url)(self.url, clock=clock)

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a worker process."""
        own = {BACKEND_VARIABLE: self.url, PAYLOADS_VARIABLE: self.payloads or ""}
        return {**os.environ, **own, **self._environment}

    def start_worker(
        self,
        registry: str,
        *,
        environment: Mapping[str, str] = EMPTY,
        waits_until_ready: bool = True,
    ) -> WorkerProcess:
        """Start a worker process; it is killed at the end of the test at the latest.

        Args:
            registry: ``module:attribute`` of the registry that it runs.
            environment: More variables, for example a crash point.
            waits_until_ready: Return only once the backend knows the worker, or it has died.

        Raises:
            TimeoutError: It was not ready in time; the message has its log.
        """
        number = len(self._workers) + 1
        ready = self.folder / f"worker-{number}.ready"
        command = [sys.executable, "-m", "perdure.testing.worker_process", registry]
        command += ["--ready", str(ready)]
        if self.factory is not None:
            command += ["--factory", self.factory]
        worker = WorkerProcess(
            command,
            environment={**self.environment(), **environment},
            log=self.folder / f"worker-{number}.log",
        )
        self._workers.append(worker)
        if waits_until_ready:
            worker.wait_until_ready(ready)
        return worker

    def close(self) -> None:
        """Kill the worker processes that still run. May be called twice."""
        for worker in self._workers:
            worker.kill()


class WorkerProcess:
    """A worker in a process of its own."""

    def __init__(self, command: list[str], *, environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, in whatever way."""
        return self._process.poll() is not None

    @property
    def was_killed(self) -> bool:
        """Whether it ended by SIGKILL."""
        return self._process.poll() == -signal.SIGKILL

    def kill(self) -> None:
        """Send SIGKILL, and wait for the end. Does nothing to a process that has ended."""
        if not self.has_ended:
            self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Send SIGTERM, which drains the worker, and wait for the end.

        Raises:
            TimeoutError: It did not end in time, and was killed.
        """
        self._process.send_signal(signal.SIGTERM)
        self.wait(timedelta(seconds=_END_SECONDS))

    def wait(self, timeout: timedelta) -> None:
        """Wait for the end.

        Raises:
            TimeoutError: It did not end in time, and was killed; the message has its log.
        """
        try:
            self._process.wait(timeout=timeout.total_seconds())
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise TimeoutError(f"worker {self.pid} did not end:\n{self.read_log()}") from error

    def read_log(self) -> str:
        """Return what it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until_ready(self, sign: Path) -> None:
        """Return once the file ``sign`` is there, or the process has ended by SIGKILL.

        Raises:
            TimeoutError: Neither happened in time; the message has its log.
        """
        deadline = time.monotonic() + _READY_SECONDS
        while not sign.exists():
            status = self._process.poll()  # once, as it may end at any moment
            if status == -signal.SIGKILL:
                return
            if status is not None or time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"worker {self.pid} was never ready:\n{self.read_log()}")
            time.sleep(_POLL_SECONDS)


class EmbeddedTarget(BackendTarget):
    """The embedded engine, on a fresh file in ``folder``."""

    def __init__(self, folder: Path, *, payloads: str | None = None) -> None:
        url = f"sqlite:///{folder / 'conformance.db'}"
        super().__init__(url, folder=folder, payloads=payloads, has_manual_clock=True)


def make_target(backend: str, *, folder: Path, factory: str | None = None) -> BackendTarget:
    """Return the target of ``backend``, a value as for ``PERDURE_BACKEND``.

    A plugin may offer a target of its own for its name, in the entry point group
    ``perdure.conformance``: a function of the URL and the keyword ``folder``.
    """
    from importlib.metadata import entry_points

    if backend == "sqlite":
        return EmbeddedTarget(folder)
    name = re.split(r"://|\?", backend, maxsplit=1)[0]
    for point in entry_points(group="perdure.conformance").select(name=name):
        made: BackendTarget = point.load()(backend, folder=folder)
        return made
    return BackendTarget(backend, folder=folder, factory=factory)


def load_factory(factory: str | None, *, url: str) -> BackendFactory:
    """Return the backend factory at ``module:attribute``, or the installed one for ``url``.

    Raises:
        ConfigurationError: There is no such attribute, or no such backend.
        PluginError: It is not installed, or broken.
    """
    if factory is not None:
        loaded: BackendFactory = load_attribute(factory)
        return loaded
    from perdure.plugins import load_backend

    return load_backend(re.split(r"://|\?", url, maxsplit=1)[0], setting="the backend target")


def load_attribute(path: str) -> Any:  # whatever the module holds
    """Return what ``module:attribute`` names.

    Raises:
        ConfigurationError: It is not of that form, or the module has no such attribute.
        ImportError: The module cannot be imported.
    """
    module, _, attribute = path.partition(":")
    if not (module and attribute):
        raise ConfigurationError(setting=path, problem="write it as module:attribute")
    try:
        return getattr(importlib.import_module(module), attribute)
    except AttributeError as error:
        raise ConfigurationError(setting=path, problem=f"{module} has no {attribute!r}") from error
