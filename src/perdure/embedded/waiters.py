"""Those who wait for an instance to end or to stall."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_DONE = """
SELECT value FROM json_each(?) LEFT JOIN instances ON instance_id = value
WHERE pk IS NULL OR finished_at_us IS NOT NULL OR status = 'stalled'
"""


class Waiters:
    """Futures by instance id. Each is resolved once its instance should be looked at."""

    def __init__(self) -> None:
        self._futures: dict[str, set[asyncio.Future[None]]] = {}

    async def wait(self, instance_id: str) -> None:
        """Return when the instance may have ended, stalled or gone."""
        future = asyncio.get_running_loop().create_future()
        waiting = self._futures.setdefault(instance_id, set())
        waiting.add(future)
        try:
            await future
        finally:
            waiting.discard(future)
            if not waiting and self._futures.get(instance_id) is waiting:
                del self._futures[instance_id]

    def notify(self, instance_ids: Iterable[str]) -> None:
        """Let those look who wait for one of ``instance_ids``."""
        for instance_id in instance_ids:
            for future in self._futures.pop(instance_id, ()):
                if not future.done():
                    future.set_result(None)

    def look(self, connection: sqlite3.Connection) -> None:
        """Find out what other processes have brought to an end."""
        if self._futures:
            rows = connection.execute(_DONE, (json.dumps(list(self._futures)),)).fetchall()
            self.notify(instance_id for (instance_id,) in rows)

    def close(self) -> None:
        """Cancel all waits."""
        for futures in self._futures.values():
            for future in futures:
                future.cancel()
        self._futures.clear()
