"""Housekeeping: once a second a look at what nobody has told us of, and at what has grown old."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perdure.embedded import claims, lifecycle
from perdure.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from perdure.clock import Clock
    from perdure.embedded.commits import Commits
    from perdure.embedded.members import Members, Peer
    from perdure.embedded.store import Store
    from perdure.embedded.transaction import Transaction

_logger = logging.getLogger(__name__)

_TICK_SECONDS = 1.0
_TICKS_PER_SWEEP = 10
_PURGED_AT_ONCE = 100
_OLD = """
SELECT pk FROM instances WHERE finished_at_us IS NOT NULL AND finished_at_us < ?
ORDER BY finished_at_us LIMIT ?
"""


class Housekeeping:
    """Calls ``look_around`` each second, buries the dead, purges what is too old."""

    def __init__(
        self,
        store: Store,
        *,
        commits: Commits,
        members: Members,
        clock: Clock,
        retention: timedelta | None,
        look_around: Callable[[], None],
    ) -> None:
        self._store = store
        self._commits = commits
        self._members = members
        self._clock = clock
        self._retention = retention
        self._look_around = look_around
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._ticks = 0
        self._is_purging = False
        self._warned: set[str] = set()
        self._workflows: frozenset[str] | None = None

    def open(self) -> None:
        """Begin, with a look at once."""
        self._tick()
        self._guarded(self._members.sweep)

    def close(self) -> None:
        """End. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def employ(self, workflows: frozenset[str] | None) -> None:
        """Note what is run here, and warn of instances that nobody here can run."""
        self._workflows = workflows
        self._loop.call_soon(self._guarded, self._warn_of_unknown)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_TICK_SECONDS, self._tick)
        self._guarded(self._look)

    def _guarded(self, duty: Callable[[], None]) -> None:
        if self._timer is None:
            return
        try:
            duty()
        except (StorageError, OSError) as error:
            _logger.warning("cannot look at the file, and try again in a second: %s", error)

    def _look(self) -> None:
        self._ticks += 1
        self._store.read(self._members.refresh)
        self._look_around()
        self._bury()
        if self._ticks % _TICKS_PER_SWEEP == 1:
            self._sweep()
            self._warn_of_unknown()

    def _bury(self) -> None:
        dead = self._members.dead()
        if not dead:
            return

        def buried(_: None) -> None:
            self._forget(dead)

        self._commits.add(lambda tx: self._members.bury(tx, dead), then=buried)

    def _forget(self, dead: list[Peer]) -> None:
        try:
            self._members.buried(dead)
        except OSError as error:
            _logger.warning("a lock's file stays behind: %s", error)

    def _sweep(self) -> None:
        if self._retention is not None and not self._is_purging:
            self._is_purging = True
            self._commits.add(self._purge, then=self._purged)

    def _purge(self, tx: Transaction) -> int:
        assert self._retention is not None
        before_us = tx.now_us - int(self._retention.total_seconds() * 1_000_000)
        rows = tx.execute(_OLD, (before_us, _PURGED_AT_ONCE)).fetchall()
        for (pk,) in rows:
            lifecycle.erase(tx, pk)
        return len(rows)

    def _purged(self, count: int) -> None:
        self._is_purging = False
        if count == _PURGED_AT_ONCE:
            self._sweep()

    def _warn_of_unknown(self) -> None:
        known = self._workflows
        if known is None:
            return
        now_us = self._clock.now_us()
        waiting = self._store.read(
            lambda file: claims.unknown_workflows(file, known, now_us=now_us)
        )
        for name in set(waiting) - self._warned:
            self._warned.add(name)
            _logger.warning(
                "instances of workflow %r wait, and this worker does not know it; known: %s",
                name,
                ", ".join(sorted(known)) or "none",
            )
