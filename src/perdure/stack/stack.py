"""A stack in one folder: brought up, looked at, taken down; its servers one by one, too."""

from __future__ import annotations

import contextlib
import re
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perdure.clock import SystemClock, from_us
from perdure.stack.errors import StackDiffersError, StackError, StackNotUpError
from perdure.stack.folder import StackFolder
from perdure.stack.guardian import Guardian
from perdure.stack.launch import Launcher
from perdure.stack.offers import load_stack
from perdure.stack.ports import PortBook
from perdure.stack.process import usage_of
from perdure.stack.record import ServerRecord, StackRecord, read_record
from perdure.stack.status import differences, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from perdure.stack.process import Usage
    from perdure.stack.server import OptionValue, StackKind, StackPlan, Tell
    from perdure.stack.status import ServerStatus

DEFAULT_WAIT_SECONDS = 30.0

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What ``up`` did.

    Attributes:
        servers: The names of the servers that it started; none if all were well.
        was_up: Whether any of the others ran before.
        notes: What a user should know.
    """

    servers: tuple[str, ...]
    was_up: bool
    notes: tuple[str, ...] = ()


class Stack:
    """The servers of one name in one folder. Every method may be called from any thread.

    Args:
        name: Of the stack.
        folder: Where it lives.
        kind: What it is made of; without it, what a plugin offers under the name, once needed.
        is_tied: Whether its servers end with this process, however that ends; else they stay until
            somebody takes them down.
        tell: Takes words for the user.

    Raises:
        StackError: The name cannot be one.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        kind: StackKind | None = None,
        is_tied: bool = False,
        tell: Tell | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            problem = "a name is made of small letters, digits and '-'"
            raise StackError(stack=name, problem=problem)
        self.name = name
        self.folder = StackFolder(folder)
        self._kind = kind
        self._tell = tell or _say_nothing
        self._guardian = Guardian(self.folder) if is_tied else None
        self._ports: PortBook | None = None

    def record(self) -> StackRecord:
        """Return what is known of it, whether it runs or not.

        Raises:
            StackNotUpError: It was never brought up here.
            StackError: Its record cannot be used.
        """
        record = read_record(self.folder.path, name=self.name)
        if record is None:
            raise StackNotUpError(stack=self.name, folder=str(self.folder.path))
        return record

    @property
    def url(self) -> str:
        """The value for ``PERDURE_BACKEND``.

        Raises:
            StackNotUpError: The stack was never brought up here.
        """
        return self.record().url

    @property
    def environment(self) -> dict[str, str]:
        """All variables that a program needs to use it.

        Raises:
            StackNotUpError: The stack was never brought up here.
        """
        return dict(self.record().exports)

    @property
    def kind(self) -> StackKind:
        """What it is made of.

        Raises:
            StackError: There is no such stack.
            PluginError: Its plugin is not installed, or cannot be loaded.
        """
        if self._kind is None:
            self._kind = load_stack(self.name)
        return self._kind

    def up(
        self,
        given: Mapping[str, OptionValue] | None = None,
        *,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
    ) -> Started:
        """Have all servers run and healthy: start what is missing, and nothing that is there.

        If the stack is down, it gets the ports that it had, as far as they are free.

        Args:
            given: The options that were chosen; the others have their defaults. Of a stack that
                runs, only those that are given are compared.
            wait_seconds: How long it may take until all are healthy.

        Raises:
            ServerNotHealthyError: A server ended, or was not healthy in time. What this call
                started is stopped again.
            StackDiffersError: It runs with other options than ``given``.
            StackError: It cannot be started for another reason; also from the kind.
        """
        given = given or {}
        with self.folder.locked(name=self.name, tell=self._tell):
            before = read_record(self.folder.path, name=self.name)
            if before is not None:
                launcher = Launcher(self.folder, before)
                launcher.kill_strays()
                if launcher.running():
                    self._refuse_another_owner()
                    if different := differences(before, given, self.kind.options):
                        raise StackDiffersError(stack=self.name, differences=different)
                    return self._complete(launcher, wait_seconds)
            return self._begin(given, before, wait_seconds)

    def down(self, *, is_state_purged: bool = False) -> list[str]:
        """Stop the servers that ``up`` started, and return the names of those that ran.

        Args:
            is_state_purged: Remove what the servers stored, too.

        Raises:
            StackError: A process lives on although it was killed.
        """
        stopped: list[str] = []
        if not self.folder.path.exists():
            return stopped
        with self.folder.locked(name=self.name, tell=self._tell):
            record = read_record(self.folder.path, name=self.name)
            if record is not None:
                launcher = Launcher(self.folder, record)
                launcher.kill_strays()
                stopped = launcher.stop(_names(record))
            self._let_go()
            if is_state_purged:
                self.folder.purge()
        return stopped

    def start(self, server: str, *, wait_seconds: float = DEFAULT_WAIT_SECONDS) -> None:
        """Start one server on its ports and its state, and return once it is healthy.

        Raises:
            ServerNotHealthyError: It ended, or was not healthy in time.
            StackError: There is no such server, or it cannot be started.
        """
        with self._changing(server) as launcher, self._held_ports() as ports:
            launcher.start([server], kind=self.kind, ports=ports, wait_seconds=wait_seconds)

    def stop(self, server: str) -> None:
        """Stop one server as ``down`` does: it is asked to end, and killed if it does not.

        Raises:
            StackError: There is no such server, or it lives on although it was killed.
        """
        with self._changing(server) as launcher:
            launcher.stop([server])

    def kill(self, server: str) -> None:
        """End one server with SIGKILL, and return once it is gone.

        Raises:
            StackError: There is no such server, or it lives on.
        """
        with self._changing(server) as launcher:
            launcher.kill([server])

    def status(self) -> list[ServerStatus]:
        """Return how each server is.

        Raises:
            StackNotUpError: The stack was never brought up here.
        """
        parts = self.record().servers
        return [status_of(part, log=self.folder.log(part.server.name)) for part in parts]

    def usage(self) -> dict[str, Usage]:
        """Return what each server uses, by name; those that do not run are left out.

        Raises:
            StackNotUpError: The stack was never brought up here.
        """
        found = {
            part.server.name: usage_of(part.process)
            for part in self.record().servers
            if part.process is not None
        }
        return {name: usage for name, usage in found.items() if usage is not None}

    def log_path(self, server: str) -> Path:
        """Return the file that ``server`` writes its log to.

        Raises:
            StackError: There is no such server.
        """
        self._check_name(server, self.record())
        return self.folder.log(server)

    def log(self, server: str) -> str:
        """Return what ``server`` has logged since the stack was brought up.

        Raises:
            StackError: There is no such server.
        """
        path = self.log_path(server)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _begin(
        self,
        given: Mapping[str, OptionValue],
        before: StackRecord | None,
        wait_seconds: float,
    ) -> Started:
        self._let_go()
        self._ports = ports = PortBook(before.ports if before else {})
        self.folder.set_logs_aside()
        plan = self.kind.plan(given, folder=self.folder.path, ports=ports, tell=self._tell)
        launcher = Launcher(self.folder, self._new_record(plan))
        launcher.note()
        if self._guardian is not None:
            self._guardian.watch(launcher.record.token)
        names = _names(launcher.record)
        try:
            launcher.start(names, kind=self.kind, ports=ports, wait_seconds=wait_seconds)
            versions = self.kind.verify({name: self.log(name) for name in names})
            launcher.record = replace(launcher.record, versions=versions)
            launcher.note()
        except BaseException:
            launcher.stop(names)
            self._let_go()
            raise
        finally:
            if self._guardian is None:
                self._let_go()
        moved = tuple(
            f"port {old} ({name}) was taken; it is {new} now"
            for name, (old, new) in ports.moved.items()
        )
        return Started(servers=tuple(names), was_up=False, notes=(*plan.notes, *moved))

    def _complete(self, launcher: Launcher, wait_seconds: float) -> Started:
        names = _names(launcher.record)
        missing = [name for name in names if name not in launcher.running()]
        with self._held_ports() as ports:
            launcher.start(names, kind=self.kind, ports=ports, wait_seconds=wait_seconds)
        return Started(servers=tuple(missing), was_up=True)

    def _new_record(self, plan: StackPlan) -> StackRecord:
        return StackRecord(
            name=self.name,
            token=secrets.token_hex(16),
            created_at=from_us(SystemClock().now_us()),
            url=plan.url,
            exports=plan.exports,
            options=plan.options,
            versions=plan.versions,
            servers=tuple(ServerRecord(server=server) for server in plan.servers),
            about=plan.about,
        )

    def _refuse_another_owner(self) -> None:
        if self._guardian is not None and self._ports is None:
            problem = f"it is up in {self.folder.path} already, and belongs to another process"
            raise StackError(stack=self.name, problem=problem, step="another folder")

    @contextlib.contextmanager
    def _changing(self, server: str) -> Iterator[Launcher]:
        with self.folder.locked(name=self.name, tell=self._tell):
            record = self.record()
            self._check_name(server, record)
            yield Launcher(self.folder, record)

    @contextlib.contextmanager
    def _held_ports(self) -> Iterator[PortBook]:
        """Give the book that holds the ports all the time, or one for the time of a start."""
        if self._ports is not None:
            yield self._ports
            return
        with contextlib.closing(PortBook({})) as ports:
            yield ports

    def _let_go(self) -> None:
        if self._ports is not None:
            self._ports.close()
            self._ports = None
        if self._guardian is not None:
            self._guardian.end()

    def _check_name(self, server: str, record: StackRecord) -> None:
        names = _names(record)
        if server not in names:
            problem = f"no server {server!r}; it has: {', '.join(names)}"
            raise StackError(stack=self.name, problem=problem)


def _names(record: StackRecord) -> list[str]:
    return [part.server.name for part in record.servers]


def _say_nothing(words: str) -> None:
    """Take words for nobody."""
