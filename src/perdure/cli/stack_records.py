"""A stack as a table for people, and as a record for programs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from perdure.cli.results import Cell, Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.stack import OptionValue, ServerStatus, Stack, StackRecord

# Of an address, and of a list of settings.
_PASSWORD = re.compile(r"(?<=:)[^/?#@:\s]+(?=@)|(?<=password=)\S+")
_MEBIBYTE = 1024 * 1024
_TITLES = ("STACK", "PROCESS", "PID", "HEALTH", "MEMORY", "PORTS", "LOG")


def record_of(stack: Stack, record: StackRecord, found: Sequence[ServerStatus]) -> dict[str, Any]:
    """Return everything about a stack, as JSON has it."""
    return {
        "name": stack.name,
        "about": record.about,
        "folder": str(stack.folder.path),
        "is_up": all(server.is_healthy for server in found),
        "url": record.url,
        "environment": dict(record.exports),
        "options": {name: _shown(name, value) for name, value in record.options.items()},
        "created_at": record.created_at.isoformat(),
        "processes": [_server_record(server, record) for server in found],
    }


def server_rows(
    name: str, found: Sequence[ServerStatus]
) -> tuple[list[Column], list[list[Cell | str]]]:
    """Return the columns and the rows of a table, a row for each server."""
    numbers = {"PID", "MEMORY"}
    elastic = {"PORTS", "LOG"}
    columns = [
        Column(title=title, is_number=title in numbers, is_elastic=title in elastic)
        for title in _TITLES
    ]
    rows: list[list[Cell | str]] = [
        [
            name,
            server.name,
            str(server.pid or "-"),
            _health(server),
            f"{server.usage.memory_bytes / _MEBIBYTE:.0f} MiB" if server.usage else "-",
            " ".join(f"{use}:{port}" for use, port in server.ports.items()),
            str(server.log),
        ]
        for server in found
    ]
    return columns, rows


def _server_record(server: ServerStatus, record: StackRecord) -> dict[str, Any]:
    usage = server.usage
    return {
        "name": server.name,
        "version": record.versions.get(server.name),
        "pid": server.pid,
        "is_running": server.is_running,
        "is_healthy": server.is_healthy,
        "ports": dict(server.ports),
        "memory_bytes": usage.memory_bytes if usage else None,
        "peak_memory_bytes": usage.peak_memory_bytes if usage else None,
        "cpu_seconds": usage.cpu_seconds if usage else None,
        "log": str(server.log),
    }


def _shown(name: str, value: OptionValue) -> OptionValue:
    """Return an option's value without secrets; what programs need of those is exported."""
    if not isinstance(value, str):
        return value
    return "***" if value and "token" in name else _PASSWORD.sub("***", value)


def _health(server: ServerStatus) -> Cell:
    if server.is_healthy:
        return Cell(text="ok", style="green")
    return Cell(text="not ok" if server.is_running else "ended", style="red")
