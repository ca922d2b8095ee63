"""The record: what activities really did, in a file beside the backend, which cannot be talked to.

A line is on the disk before the activity goes on, so that it outlives SIGKILL.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from perdure.activity_functions import current_activity

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: which attempt of which activity wrote it, when it began, in which process."""

    label: str
    key: str
    attempt: int
    began_at: str
    pid: int

    @property
    def began(self) -> datetime:
        """When the attempt began to run."""
        return datetime.fromisoformat(self.began_at)


class Record:
    """A file of entries, one a line."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def entries(self) -> list[Entry]:
        """Return what was written so far; a last line without its end does not count."""
        if not self.path.exists():
            return []
        whole = self.path.read_text(encoding="utf-8").rpartition("\n")[0]
        return [Entry(**json.loads(line)) for line in whole.splitlines()]

    def labels(self) -> list[str]:
        """Return the labels that were written, in order."""
        return [entry.label for entry in self.entries()]

    def count(self, label: str) -> int:
        """Return how often ``label`` was written."""
        return self.labels().count(label)


def note(path: str, label: str) -> Entry:
    """Write ``label`` for the activity that runs here, and return once it is on the disk.

    Raises:
        NotInActivityError: No worker runs an activity here.
    """
    activity = current_activity()
    entry = Entry(
        label=label,
        key=activity.idempotency_key,
        attempt=activity.attempt,
        began_at=activity.started_at.isoformat(),
        pid=os.getpid(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(asdict(entry)) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return entry
