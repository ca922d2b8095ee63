"""The file ``stack.json``: what was started here, so that any later command can look after it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from perdure.stack.errors import StackError
from perdure.stack.process import ProcessId
from perdure.stack.server import HealthCheck, OptionValue, Server

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = 1
RECORD_NAME: Final = "stack.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """A server, and the process that it is now; ``None`` if it was never started or was stopped."""

    server: Server
    process: ProcessId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRecord:
    """What is known of a stack that was started.

    Attributes:
        name: Of the stack.
        token: What its processes carry in their environment, so that one which was started and not
            noted can be found.
        created_at: When it was brought up.
        url: The value for ``PERDURE_BACKEND``.
        exports: All variables that a user's program needs.
        options: The options in force.
        versions: What runs, by the name of the program.
        servers: In the order in which they are shown.
        about: What a user must not mistake it for.
    """

    name: str
    token: str
    created_at: datetime
    url: str
    exports: Mapping[str, str]
    options: Mapping[str, OptionValue]
    versions: Mapping[str, str]
    servers: tuple[ServerRecord, ...] = field(default_factory=tuple)
    about: str = ""

    @property
    def ports(self) -> dict[str, int]:
        """All ports, as the plan named them: ``server.use``."""
        return {
            f"{record.server.name}.{use}": port
            for record in self.servers
            for use, port in record.server.ports.items()
        }

    def with_process(self, name: str, process: ProcessId | None) -> StackRecord:
        """Return the same with another process for the server called ``name``."""
        servers = tuple(
            replace(record, process=process) if record.server.name == name else record
            for record in self.servers
        )
        return replace(self, servers=servers)


def read_record(folder: Path, *, name: str) -> StackRecord | None:
    """Return what ``folder`` says of the stack, or ``None`` if it says nothing.

    Raises:
        StackError: The file is there and cannot be used.
    """
    path = folder / RECORD_NAME
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"{path} cannot be used ({error}); move it away, and end its servers by hand"
        raise StackError(stack=name, problem=problem) from error


def write_record(folder: Path, record: StackRecord) -> None:
    """Write the file at once or not at all; only its owner can read it, since it holds tokens.

    Raises:
        OSError: It cannot be written.
    """
    whole = {"format": FORMAT, **asdict(record), "created_at": record.created_at.isoformat()}
    path = folder / RECORD_NAME
    fresh = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=2)
        file.write("\n")
    fresh.replace(path)


def _from_json(whole: dict[str, Any]) -> StackRecord:
    if whole.pop("format") != FORMAT:
        raise ValueError("written by another version of perdure")
    servers = tuple(_server_from_json(part) for part in whole.pop("servers"))
    created_at = datetime.fromisoformat(whole.pop("created_at"))
    return StackRecord(servers=servers, created_at=created_at, **whole)


def _server_from_json(part: dict[str, Any]) -> ServerRecord:
    server, process = part["server"], part["process"]
    server["command"] = tuple(server["command"])
    server["health"] = HealthCheck(**server["health"])
    return ServerRecord(server=Server(**server), process=ProcessId(**process) if process else None)
