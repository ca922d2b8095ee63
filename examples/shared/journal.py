"""What tools did: an append-only file, on the disk before the tool goes on.

Tools write it and the engine never does, so that the two can be compared. A tool that runs without
durability writes it just the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import perdure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOURNAL: Final = "AGENT_EXAMPLE_JOURNAL"
"""Names the file. Without it nothing is recorded."""

PACE: Final = "AGENT_EXAMPLE_PACE"
"""How many seconds each tool takes, so that there is something to watch, and to kill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a call of a tool began, or ended.

    Attributes:
        key: The idempotency key of a durable call; what the tool was asked, of any other.
    """

    phase: Literal["begin", "end"]
    tool: str
    key: str
    pid: int
    at_us: int


@contextlib.contextmanager
def recorded(tool: str, **arguments: Any) -> Iterator[None]:
    """Record the begin and the end of the tool around it."""
    key = _key(tool, arguments)
    _append("begin", tool, key)
    if pace := os.environ.get(PACE):
        time.sleep(float(pace))  # tools are `def` functions: they have a thread each
    try:
        yield
    finally:
        _append("end", tool, key)


def read(path: Path) -> list[Line]:
    """Return the lines in order; a last one without its line break is still being written.

    Raises:
        ValueError: A complete line is not one of ours.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    complete, _, _ = text.rpartition("\n")
    try:
        return [Line(**json.loads(line)) for line in complete.splitlines()]
    except TypeError as err:
        raise ValueError(f"{path}: a line is not of a journal: {err}") from err


def _key(tool: str, arguments: dict[str, Any]) -> str:
    try:
        return perdure.current_activity().idempotency_key
    except perdure.NotInActivityError:
        return f"{tool} {json.dumps(arguments, sort_keys=True)}"


def _append(phase: Literal["begin", "end"], tool: str, key: str) -> None:
    """Add a line and wait until the disk has it. One ``write`` in append mode: lines never mix."""
    path = os.environ.get(JOURNAL)
    if not path:
        return
    line = Line(phase=phase, tool=tool, key=key, pid=os.getpid(), at_us=time.time_ns() // 1_000)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(asdict(line)).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
