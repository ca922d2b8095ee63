"""The processes that share the file: who they are, who has died, and how to wake them."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure.embedded import claims, locks
from perdure.embedded.faults import translate
from perdure.embedded.locks import ProcessLock
from perdure.embedded.wakeup import Wakeup

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from perdure.embedded.transaction import Effects, Transaction

_logger = logging.getLogger(__name__)

_INSERT = """
INSERT INTO workers (lock_name, pid, port, role, workflows, started_at_us) VALUES (?, ?, ?, ?, ?, ?)
"""
_ROLE = "UPDATE workers SET role = ?, workflows = ? WHERE id = ?"
_DELETE = "DELETE FROM workers WHERE id = ?"
_ALL = "SELECT id, lock_name, port, role, workflows FROM workers"
_KNOWING = """
SELECT 1 FROM workers, json_each(workflows) WHERE role = 'worker' AND json_each.value = ? LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another process, or another engine of this one; ``workflows`` is ``None`` for a client."""

    id: int
    lock_name: str
    port: int
    workflows: frozenset[str] | None


class Members:
    """This process among those that share the file.

    Attributes:
        id: The number of our row, which is our fence; 0 until we are registered.
    """

    def __init__(self, path: Path, *, folder: Path, on_poke: Callable[[bool], None]) -> None:
        self._folder = folder
        self._path = path
        self._lock: ProcessLock | None = None
        self._wakeup = Wakeup(on_poke)
        self._peers: dict[int, Peer] = {}
        self._workflows: frozenset[str] | None = None
        self.id = 0

    def close(self) -> None:
        """Let go of the lock: others may take us for dead now."""
        self._wakeup.close()
        if self._lock is not None:
            self._lock.release()

    def enlist(self, tx: Transaction) -> None:
        """Register this process; from here on ``tx`` writes in its name.

        Raises:
            StorageError: The file of its lock cannot be made.
        """
        if self._lock is None:
            try:
                self._lock = ProcessLock.hold(self._folder)
            except OSError as error:
                raise translate(error, self._path) from error
        row = (
            self._lock.name,
            os.getpid(),
            self._wakeup.port,
            "client" if self._workflows is None else "worker",
            json.dumps(sorted(self._workflows or ())),
            tx.now_us,
        )
        worker_id = tx.execute(_INSERT, row).lastrowid
        assert worker_id is not None
        tx.worker_id = worker_id

    def expelled(self) -> None:
        """Begin anew: our row is gone, and perhaps our lock's file with it."""
        self.id = 0
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def announce(self, tx: Transaction, workflows: frozenset[str] | None) -> None:
        """Say which workflows this process runs; ``None`` if it is a client only."""
        self._workflows = workflows
        role = "client" if workflows is None else "worker"
        tx.execute(_ROLE, (role, json.dumps(sorted(workflows or ())), tx.worker_id))

    def leave(self, tx: Transaction) -> None:
        """Remove our row, and free what it may still own."""
        tx.execute(_DELETE, (tx.worker_id,))
        claims.release_of_the_dead(tx)
        claims.heed_terminations(tx)

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read who there is."""
        self._peers = {
            id: Peer(
                id=id,
                lock_name=lock_name,
                port=port,
                workflows=frozenset(json.loads(workflows)) if role == "worker" else None,
            )
            for id, lock_name, port, role, workflows in connection.execute(_ALL)
            if id != self.id
        }

    def rivals(self, workflow: str) -> int:
        """Return how many other workers run ``workflow``."""
        return sum(workflow in (peer.workflows or ()) for peer in self._peers.values())

    def dead(self) -> list[Peer]:
        """Return the peers whose process has ended."""
        return [p for p in self._peers.values() if locks.is_dead(self._folder, p.lock_name)]

    def bury(self, tx: Transaction, dead: Iterable[Peer]) -> None:
        """Free what the dead owned."""
        tx.executemany(_DELETE, [(peer.id,) for peer in dead])
        if freed := claims.release_of_the_dead(tx):
            _logger.info("took over %d instances of a process that has ended", freed)
        claims.heed_terminations(tx)

    def buried(self, dead: Iterable[Peer]) -> None:
        """Forget the dead, once that is committed."""
        for peer in dead:
            self._peers.pop(peer.id, None)
            locks.remove(self._folder, peer.lock_name)

    def sweep(self) -> None:
        """Remove lock files that belong to nobody."""
        known = {peer.lock_name for peer in self._peers.values()}
        if self._lock is not None:
            known.add(self._lock.name)
        locks.sweep(self._folder, known=frozenset(known))

    def poke(self, effects: Effects) -> None:
        """Wake those whom a commit of ours concerns."""
        if self._peers and effects.concern_others():
            self._wakeup.poke(
                peer.port
                for peer in self._peers.values()
                if effects.ended
                or peer.id in effects.owners
                or (effects.has_ready and peer.workflows is not None)
            )

    def greet(self) -> None:
        """Let all others know that the set of processes has changed."""
        self._wakeup.poke([peer.port for peer in self._peers.values()], is_hello=True)


def is_known_to_a_worker(connection: sqlite3.Connection, workflow: str) -> bool:
    """Return whether some registered worker runs ``workflow``."""
    return connection.execute(_KNOWING, (workflow,)).fetchone() is not None
