"""How the servers of a stack are, and how their options differ from those that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.stack.health import is_healthy
from perdure.stack.process import usage_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from perdure.stack.process import Usage
    from perdure.stack.record import ServerRecord, StackRecord
    from perdure.stack.server import OptionValue, StackOption


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerStatus:
    """How one server is; what it uses is ``None`` if it does not run."""

    name: str
    pid: int | None
    is_running: bool
    is_healthy: bool
    ports: Mapping[str, int]
    usage: Usage | None
    log: Path


def status_of(part: ServerRecord, *, log: Path) -> ServerStatus:
    """Look at one server, and ask it whether it is well."""
    usage = usage_of(part.process) if part.process is not None else None
    is_running = usage is not None
    return ServerStatus(
        name=part.server.name,
        pid=part.process.pid if part.process is not None and is_running else None,
        is_running=is_running,
        is_healthy=is_running and is_healthy(part.server.health),
        ports=part.server.ports,
        usage=usage,
        log=log,
    )


def differences(
    record: StackRecord, given: Mapping[str, OptionValue], declared: Iterable[StackOption]
) -> tuple[str, ...]:
    """Return in words how the options that are ``given`` differ from those in force."""
    secret = {option.name for option in declared if option.is_secret}
    return tuple(
        f"another {_flag(name)}"
        if name in secret
        else f"{_flag(name)} is {_shown(record.options.get(name))}, not {_shown(value)}"
        for name, value in given.items()
        if record.options.get(name) != value
    )


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _shown(value: OptionValue | None) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
