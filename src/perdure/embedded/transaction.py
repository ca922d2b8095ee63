"""One transaction: what its statements need to know, and what its commit will have made true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from perdure.spi.history import WorkflowStarted

    Parameters = Sequence[object] | Mapping[str, object]

NOBODY = frozenset[str]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An instance that is ours from this commit on, and has to be loaded.

    Attributes:
        fresh: What its run starts with, if the same transaction made it; else it has to be read.
    """

    pk: int
    instance_id: str
    run_id: str
    run_number: int
    workflow: str
    fresh: WorkflowStarted | None = None


@dataclass(slots=True)
class Effects:
    """What is to be done once the transaction is committed; nothing of it if it is not.

    Attributes:
        claims: Instances to load.
        has_mail: Instances of ours have new rows in the inbox.
        has_ready: Instances that nobody owns are ready, or will be at some instant.
        ended: Ids of instances that have ended or stalled.
        owners: Other workers whose instances have new rows in the inbox.
    """

    claims: list[Claim] = field(default_factory=list)
    has_mail: bool = False
    has_ready: bool = False
    ended: list[str] = field(default_factory=list)
    owners: set[int] = field(default_factory=set)

    def concern_others(self) -> bool:
        """Return whether another process may be waiting for any of this."""
        return bool(self.has_ready or self.ended or self.owners)


class Transaction:
    """Statements that are committed together, on behalf of one worker.

    Attributes:
        worker_id: Who writes.
        now_us: The instant that all of its rows bear.
        effects: Filled by the statements, read after the commit.
    """

    __slots__ = (
        "_room",
        "_workflows",
        "connection",
        "effects",
        "execute",
        "executemany",
        "now_us",
        "worker_id",
    )

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        worker_id: int,
        now_us: int,
        workflows: frozenset[str] = NOBODY,
        room: int = 0,
    ) -> None:
        self.connection = connection
        self._workflows = workflows
        self._room = room
        self.execute = connection.execute
        self.executemany = connection.executemany
        self.worker_id = worker_id
        self.now_us = now_us
        self.effects = Effects()

    @property
    def changes(self) -> int:
        """How many rows this connection has ever changed: whether something was written."""
        return self.connection.total_changes

    def takes(self, workflow: str) -> bool:
        """Return whether this worker takes a new instance of ``workflow`` at once; count it."""
        if self._room <= 0 or workflow not in self._workflows:
            return False
        self._room -= 1
        return True
