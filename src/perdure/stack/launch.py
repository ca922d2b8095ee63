"""Starting and stopping the servers of a record, each step noted before the next is taken."""

from __future__ import annotations

import signal
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.stack.errors import ServerNotHealthyError, StackError
from perdure.stack.folder import end_of
from perdure.stack.health import wait_healthy
from perdure.stack.process import TOKEN_VARIABLE, is_running, marked, send, spawn, wait_ended
from perdure.stack.record import write_record

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from perdure.stack.folder import StackFolder
    from perdure.stack.ports import PortBook
    from perdure.stack.process import ProcessId
    from perdure.stack.record import ServerRecord, StackRecord
    from perdure.stack.server import HealthCheck, Server, StackKind

_KILL_SECONDS = 10.0


class Launcher:
    """Works on the processes of one stack; its lock must be held."""

    def __init__(self, folder: StackFolder, record: StackRecord) -> None:
        self._folder = folder
        self.record = record

    def note(self) -> None:
        """Write down how things are.

        Raises:
            OSError: The record cannot be written.
        """
        write_record(self._folder.path, self.record)

    def running(self) -> set[str]:
        """Return the names of the servers whose process lives."""
        return {part.server.name for part in self.record.servers if _lives(part)}

    def start(
        self, names: Collection[str], *, kind: StackKind, ports: PortBook, wait_seconds: float
    ) -> None:
        """Start those of ``names`` that do not run, and wait until all of them are healthy.

        Raises:
            ServerNotHealthyError: One ended, or was not healthy in time.
            StackError: Its program cannot be started, or a stranger has one of its ports.
        """
        deadline = time.monotonic() + wait_seconds
        wanted = [part for part in self.record.servers if part.server.name in names]
        for _, stage in groupby(sorted(wanted, key=_stage), key=_stage):
            servers = [part.server for part in stage]
            missing = [server for server in servers if server.name not in self.running()]
            for server in missing:
                self._spawn(server, ports)
            self._wait(servers, deadline=deadline, wait_seconds=wait_seconds)
            for server in missing:
                left = max(0.0, deadline - time.monotonic())
                if problem := kind.settle(server, folder=self._folder.path, seconds=left):
                    raise self._unhealthy(server, problem)

    def stop(self, names: Collection[str]) -> list[str]:
        """Stop those of ``names`` that run, the last stage first, and return them.

        Raises:
            StackError: One of them outlives being killed.
        """
        stopped: list[str] = []
        wanted = [part for part in self.record.servers if part.server.name in names]
        for _, stage in groupby(sorted(wanted, key=_stage, reverse=True), key=_stage):
            parts = [part for part in stage if _lives(part)]
            for part in parts:
                self._signal(part, signal.SIGTERM)
            self._wait_grace(parts)
            self.kill([part.server.name for part in parts])
            stopped += [part.server.name for part in parts]
        return stopped

    def kill(self, names: Collection[str]) -> None:
        """End those of ``names`` that run, with SIGKILL, and note that they are gone.

        Raises:
            StackError: One of them outlives it.
        """
        parts = [part for part in self.record.servers if part.server.name in names]
        for part in parts:
            self._signal(part, signal.SIGKILL)
        self._wait_killed([part.process for part in parts if part.process])
        for part in parts:
            self.record = self.record.with_process(part.server.name, None)
        self.note()

    def kill_strays(self) -> None:
        """Kill processes of this stack that the record does not know.

        A command that was killed between starting a server and noting it leaves one.

        Raises:
            StackError: One of them outlives it.
        """
        known = {part.process for part in self.record.servers}
        strays = [process for process in marked(self.record.token) if process not in known]
        for process in strays:
            send(process, signal.SIGKILL)
        self._wait_killed(strays)

    def _spawn(self, server: Server, ports: PortBook) -> None:
        for use, port in server.ports.items():
            if not ports.hold(port):
                problem = f"{server.name} cannot have its port {port} ({use}) back: another "
                problem += "process listens there; take the stack down and up again, and it moves"
                step = f"perdure stack down {self.record.name}"
                raise StackError(stack=self.record.name, problem=problem, step=step)
        environment = {
            **server.environment,
            **{name: _content(path) for name, path in server.environment_files.items()},
            TOKEN_VARIABLE: self.record.token,
        }
        log = self._folder.log(server.name)
        try:
            process = spawn(server.command, environment=environment, log=log)
        except OSError as error:
            problem = f"{server.name} cannot be started: {server.command[0]}: {error.strerror}"
            raise StackError(stack=self.record.name, problem=problem) from error
        self.record = self.record.with_process(server.name, process)
        self.note()

    def _wait(self, servers: Sequence[Server], *, deadline: float, wait_seconds: float) -> None:
        by_check = {server.health: server for server in servers}

        def complain_if_ended(check: HealthCheck) -> None:
            server = by_check[check]
            if server.name not in self.running():
                raise self._unhealthy(server, "ended instead of becoming healthy")

        left = max(0.0, deadline - time.monotonic())
        if waiting := wait_healthy(list(by_check), seconds=left, on_wait=complain_if_ended):
            problem = f"was not healthy within {wait_seconds:g} s"
            raise self._unhealthy(by_check[waiting[0]], problem)

    def _unhealthy(self, server: Server, problem: str) -> ServerNotHealthyError:
        log = self._folder.log(server.name)
        return ServerNotHealthyError(
            stack=self.record.name,
            server=server.name,
            problem=problem,
            log=str(log),
            end_of_log=end_of(log),
        )

    def _wait_grace(self, parts: Sequence[ServerRecord]) -> None:
        """Wait until all have ended, for none longer than its own grace."""
        begun = time.monotonic()
        for part in sorted(parts, key=lambda part: part.server.grace_seconds):
            left = part.server.grace_seconds - (time.monotonic() - begun)
            if part.process is not None and wait_ended([part.process], seconds=left):
                self._signal(part, signal.SIGKILL)

    def _signal(self, part: ServerRecord, number: signal.Signals) -> None:
        if part.process is not None:
            send(part.process, number)

    def _wait_killed(self, processes: Sequence[ProcessId]) -> None:
        if living := wait_ended(processes, seconds=_KILL_SECONDS):
            pids = ", ".join(str(process.pid) for process in living)
            problem = f"processes {pids} live on although they were killed"
            raise StackError(stack=self.record.name, problem=problem)


def _lives(part: ServerRecord) -> bool:
    return part.process is not None and is_running(part.process)


def _stage(part: ServerRecord) -> int:
    return part.server.stage


def _content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
