"""What activities do at this moment, read off their record as it grows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Watch:
    """Follows a record; each look costs as much as was written since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._begun = 0
        self._running: dict[int, set[tuple[str, int]]] = {}

    def begun(self) -> int:
        """Return how often an activity has begun so far."""
        self._look()
        return self._begun

    def running(self, pids: Iterable[int]) -> int:
        """Return how many activities have begun and not ended in these processes."""
        self._look()
        return sum(len(self._running.get(pid, ())) for pid in pids)

    def _look(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, end, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(end)
        for text in whole.splitlines():
            line = json.loads(text)
            running = self._running.setdefault(line["pid"], set())
            operation = (line["key"], line["attempt"])
            if line["phase"] == "begin":
                self._begun += 1
                running.add(operation)
            else:
                running.discard(operation)
