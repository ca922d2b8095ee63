"""The activities' own record: an append-only file, fsynced line by line, beside the engine.

Every claim of the crash tests is counted from this file. An operation is a pair (idempotency key,
attempt). Each line that begins one names the operations whose results its workflow had seen by
then: those results were committed, for a result and the commands that follow from it are one
    commit. So a later beginning of any of them is a
finished activity that ran again.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

Phase = Literal["begin", "end", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the record."""

    phase: Phase
    key: str
    attempt: int
    pid: int
    label: str
    seen: tuple[str, ...] = ()
    at: float = field(default_factory=time.monotonic)

    @property
    def operation(self) -> tuple[str, int]:
        """What must not run again once it is committed."""
        return (self.key, self.attempt)


def append(path: Path, line: Line) -> None:
    """Write ``line`` and return once it is on the disk."""
    text = json.dumps(
        {
            "phase": line.phase,
            "key": line.key,
            "attempt": line.attempt,
            "pid": line.pid,
            "label": line.label,
            "seen": list(line.seen),
            "at": line.at,
        }
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (text + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> list[Line]:
    """Return the lines written so far; a last line without its end is not counted."""
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    lines = []
    for text in whole.split("\n") if whole else ():
        data = json.loads(text)
        data["seen"] = tuple(data["seen"])
        lines.append(Line(**data))
    return lines


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the record says."""

    operations: int = 0
    repeated_after_commit: list[tuple[str, int]] = field(default_factory=list)
    repeated_in_doubt: int = 0
    redone_after_end: int = 0
    in_flight_of: dict[int, int] = field(default_factory=dict)
    undone_of: dict[int, int] = field(default_factory=dict)


def examine(lines: list[Line]) -> Findings:
    """Count what ran again.

    After its commit (never allowed), and while its outcome was in doubt.
    """
    findings = Findings()
    committed: set[tuple[str, int]] = set()
    by_label: dict[str, tuple[str, int]] = {}
    last_end: dict[tuple[str, int], int] = {}
    begun: Counter[tuple[str, int]] = Counter()
    open_by_pid: dict[int, set[tuple[str, int]]] = {}
    for line in lines:
        operation = line.operation
        if line.phase != "begin":
            last_end[operation] = line.pid
            open_by_pid.setdefault(line.pid, set()).discard(operation)
            if line.phase == "end":
                by_label[line.label] = operation
            continue
        if operation in committed:
            findings.repeated_after_commit.append(operation)
        elif begun[operation]:
            findings.repeated_in_doubt += 1
            if operation in last_end:
                findings.redone_after_end += 1
                undone = findings.undone_of
                undone[last_end[operation]] = undone.get(last_end[operation], 0) + 1
        begun[operation] += 1
        open_by_pid.setdefault(line.pid, set()).add(operation)
        committed.update(by_label[label] for label in line.seen if label in by_label)
        committed.update((line.key, earlier) for earlier in range(1, line.attempt))
    findings.operations = len(begun)
    findings.in_flight_of = {pid: len(operations) for pid, operations in open_by_pid.items()}
    return findings
