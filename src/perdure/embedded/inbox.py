"""The inbox: what waits for the owner of an instance, in the order of arrival over all processes.

Whoever has something for an instance writes it here, whether the instance is loaded in this
process, in another one, or nowhere. The step that takes a row in deletes it in its transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from perdure.spi.journal import decode_event, encode_event
from perdure.types import Status

if TYPE_CHECKING:
    import sqlite3

    from perdure.embedded.targets import Target
    from perdure.embedded.transaction import Transaction
    from perdure.spi.history import HistoryEvent

Kind = Literal["event", "terminate", "suspend", "resume", "child", "activity"]

_INSERT = "INSERT INTO inbox (instance_pk, run_id, kind, body) VALUES (?, ?, ?, ?)"
_WAKE = "UPDATE instances SET wake_at_us = 0 WHERE pk = ?"
_DELETE = "DELETE FROM inbox WHERE id = ?"
# CROSS JOIN keeps SQLite to this order: few rows are new, however many instances we own.
_NEW = """
SELECT i.id, i.instance_pk, i.run_id, i.body FROM inbox AS i CROSS JOIN instances AS n
WHERE i.id > ? AND n.pk = i.instance_pk AND n.owner = ? ORDER BY i.id
"""
_OF_INSTANCE = "SELECT id, instance_pk, run_id, body FROM inbox WHERE instance_pk = ? ORDER BY id"


@dataclass(frozen=True, slots=True)
class Mail:
    """A row of the inbox."""

    id: int
    instance_pk: int
    run_id: str | None
    body: str

    def event(self, at_us: int) -> HistoryEvent:
        """Return the input it stands for, as one that arrives now."""
        return replace(decode_event(self.body), at_us=at_us)


def put(
    tx: Transaction,
    target: Target,
    event: HistoryEvent,
    *,
    kind: Kind,
    run_id: str | None = None,
    wakes: bool = True,
) -> None:
    """Store ``event`` for an instance, and see to it that its owner hears of it.

    An instance that nobody owns is woken if it runs; one that is pending, on hold or stalled takes
    the row in when it is loaded for another reason.
    """
    tx.execute(_INSERT, (target.run.pk, run_id, kind, encode_event(event)))
    if target.owner is not None:
        notify(tx, target.owner)
    elif wakes and target.status is Status.RUNNING:
        tx.execute(_WAKE, (target.run.pk,))
        tx.effects.has_ready = True


def keep(tx: Transaction, pk: int, event: HistoryEvent, *, run_id: str) -> int:
    """Store an activity's result for an instance of ours that is on hold; return the row's id."""
    cursor = tx.execute(_INSERT, (pk, run_id, "activity", encode_event(event)))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def notify(tx: Transaction, owner: int) -> None:
    """Note that instances of ``owner`` have mail."""
    if owner == tx.worker_id:
        tx.effects.has_mail = True
    else:
        tx.effects.owners.add(owner)


def delete(tx: Transaction, ids: list[int]) -> None:
    """Remove the rows that a step has taken in."""
    tx.executemany(_DELETE, [(id,) for id in ids])


def new_mail(connection: sqlite3.Connection, *, after: int, owner: int) -> list[Mail]:
    """Return the rows beyond ``after`` that are for instances of ``owner``, in order."""
    return [Mail(*row) for row in connection.execute(_NEW, (after, owner))]


def mail_of(connection: sqlite3.Connection, pk: int) -> list[Mail]:
    """Return all rows for one instance, in order."""
    return [Mail(*row) for row in connection.execute(_OF_INSTANCE, (pk,))]
