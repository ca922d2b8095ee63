"""Steps that are written down, so that it can be seen from outside what ran when, and where."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BLOCKED_SECONDS = 600.0
_FILE = "PERDURE_BENCH_STEPS"
_BLOCKS_AT = "PERDURE_BENCH_BLOCKS_AT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The first line of an activity, as it ran.

    Attributes:
        number: Of the activity, from 0.
        pid: Of the process.
        at: When, by the clock that all processes of a host have in common.
    """

    number: int
    pid: int
    at: float


def steps_environment(file: Path, *, blocks_at: int | None = None) -> Mapping[str, str]:
    """Return the variables with which a process writes its steps to a file.

    Args:
        file: Is added to.
        blocks_at: The number of the activity that does not end.
    """
    return {_FILE: str(file), _BLOCKS_AT: "" if blocks_at is None else str(blocks_at)}


def note_step(number: int) -> bool:
    """Write down that an activity runs; return whether it is not to end."""
    step = Step(number=number, pid=os.getpid(), at=now())
    with open(os.environ[_FILE], "a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(step)) + "\n")
    return os.environ[_BLOCKS_AT] == str(number)


def now() -> float:
    """Return the instant, by the clock that all processes of a host have in common."""
    return time.monotonic()


def read_steps(file: Path) -> list[Step]:
    """Return what was written down so far; a line that is being written is left out."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Step(**json.loads(line)) for line in lines if line.endswith("\n")]
