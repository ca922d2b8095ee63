"""A stack of fake servers, as a plugin would offer one, and what tests ask of it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.errors import ConfigurationError
from perdure.stack import (
    LOOPBACK,
    HealthCheck,
    OptionValue,
    PortBook,
    Server,
    Stack,
    StackError,
    StackOption,
    StackPlan,
    Tell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVER = Path(__file__).with_name("fake_server.py")
NAMES = ("base", "left", "right")


class FakeKind:
    """One server that the two others need; ``mode`` says how the last one behaves."""

    name = "fake"
    options = (
        StackOption(name="mode", default="well", metavar="MODE", help="How the last one is."),
        StackOption(name="number", default=1, metavar="N", help="A number."),
        StackOption(name="is_loud", default=False, help="A flag."),
        StackOption(name="token", default="", help="A secret.", is_secret=True),
    )

    def __init__(self, *, program: str = sys.executable) -> None:
        self._program = program
        self.settled: list[str] = []
        self.problem = ""
        self.is_fitting = True

    def plan(
        self, given: Mapping[str, OptionValue], *, folder: Path, ports: PortBook, tell: Tell
    ) -> StackPlan:
        """Return three servers."""
        options = {option.name: given.get(option.name, option.default) for option in self.options}
        if options["mode"] == "unheard of":
            raise ConfigurationError(setting="--mode", problem="must be one that is known")
        tell("planning")
        diary = folder / "state" / "diary"
        modes = {"base": "well", "left": "well", "right": str(options["mode"])}
        servers = tuple(self._server(name, mode, ports, diary) for name, mode in modes.items())
        port = servers[-1].ports["http"]
        url = f"fake://{LOOPBACK}:{port}"
        exports = {"PERDURE_BACKEND": url, "FAKE_TOKEN": "it's secret"}
        return StackPlan(
            servers=servers,
            url=url,
            exports=exports,
            options=options,
            about="this is a fake, not the real thing",
        )

    def settle(self, server: Server, *, folder: Path, seconds: float) -> str:
        """Note who was started."""
        self.settled.append(server.name)
        return self.problem

    def verify(self, logs: Mapping[str, str]) -> Mapping[str, str]:
        """Return a version for each."""
        if not self.is_fitting:
            raise StackError(stack=self.name, problem="they do not fit together")
        return dict.fromkeys(logs, "1.0")

    def build(self, given: Mapping[str, OptionValue], *, tell: Tell) -> str:
        """Say that there is nothing to build."""
        tell("building")
        return f"fake 1.0, options {dict(given)}"

    def _server(self, name: str, mode: str, ports: PortBook, diary: Path) -> Server:
        port = ports.take(f"{name}.http")
        return Server(
            name=name,
            command=(self._program, str(SERVER), name, str(port), mode, str(diary)),
            health=HealthCheck(url=f"http://{LOOPBACK}:{port}/healthz"),
            stage=0 if name == "base" else 1,
            ports={"http": port},
            environment={"FAKE": name},
            grace_seconds=0.3 if mode == "stubborn" else 10.0,
        )


def pids(stack: Stack) -> dict[str, int]:
    """Return the process of each server that the record names."""
    parts = stack.record().servers
    return {part.server.name: part.process.pid for part in parts if part.process is not None}


def is_alive(pid: int) -> bool:
    """Return whether a process runs; not one that has ended and that nobody waited for."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def diary(stack: Stack) -> list[str]:
    """Return what the servers wrote down, in the order in which it happened."""
    lines = (stack.folder.state / "diary").read_text(encoding="utf-8").splitlines()
    return [line.partition(" ")[2] for line in sorted(lines, key=lambda line: int(line.split()[0]))]


def pauses(seconds: float = 15.0) -> Iterator[None]:
    """Yield now and then, for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.02)


def environment_of(pid: int) -> dict[str, str]:
    """Return the variables that a process was started with."""
    text = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8")
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def open_files(pid: int) -> list[str]:
    """Return what the descriptors of a process stand for."""
    folder = Path(f"/proc/{pid}/fd")
    return [os.readlink(entry) for entry in folder.iterdir()]
