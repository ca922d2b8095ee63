"""The activities' own record of what ran: an append-only file, on the disk before work goes on.

It is written by the activities and never by the engine, so that the two can be compared: what
the engine's history says happened, and what did.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import perdure

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "LICENCE_AUDIT_EVIDENCE"
"""Names the file. Without it nothing is recorded."""

Phase = Literal["begin", "end", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: an attempt of an activity began, ended well, or failed."""

    phase: Phase
    activity: str
    key: str
    attempt: int
    pid: int
    at_us: int


@contextlib.contextmanager
def recorded() -> Iterator[None]:
    """Record the begin and the end of the activity around it."""
    path = os.environ.get(VARIABLE)
    if not path:
        yield
        return
    append(path, _line("begin"))
    try:
        yield
    except BaseException:
        append(path, _line("fail"))
        raise
    append(path, _line("end"))


def append(path: str | Path, line: Line) -> None:
    """Add a line and wait until the disk has it. One ``write`` in append mode: lines never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, json.dumps(asdict(line)).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: str | Path) -> list[Line]:
    """Return the lines in order; a last one without its line break is still being written.

    Raises:
        ValueError: A complete line is not one of ours.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    complete, _, _ = text.rpartition("\n")
    try:
        return [Line(**json.loads(line)) for line in complete.splitlines()]
    except TypeError as err:
        raise ValueError(f"{path}: a line is not evidence: {err}") from err


def now_us() -> int:
    """Return the wall clock in microseconds: the evidence keeps its own time."""
    return time.time_ns() // 1_000


def _line(phase: Phase) -> Line:
    current = perdure.current_activity()
    return Line(
        phase=phase,
        activity=current.name,
        key=current.idempotency_key,
        attempt=current.attempt,
        pid=os.getpid(),
        at_us=now_us(),
    )
