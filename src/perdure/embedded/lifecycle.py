"""What a client can do to an instance, each a few statements of one transaction.

Each function checks first and writes afterwards: when it raises, it has written nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.embedded import ending, inbox
from perdure.embedded.rows import INFO_COLUMNS, info_of, named
from perdure.embedded.targets import find
from perdure.embedded.transaction import Claim
from perdure.errors import (
    InstanceActiveError,
    InstanceAlreadyExistsError,
    InstanceFinishedError,
    InstanceNotFoundError,
)
from perdure.spi.history import EventReceived, Resumed, Suspended
from perdure.types import Status

if TYPE_CHECKING:
    from perdure.embedded.rows import NewInstance
    from perdure.embedded.targets import Target
    from perdure.embedded.transaction import Transaction
    from perdure.types import IfExists, InstanceInfo

_HOLD = """
UPDATE instances SET status = 'suspended', reason = ?, updated_at_us = ?,
    wake_at_us = CASE WHEN owner IS NULL THEN NULL ELSE wake_at_us END
WHERE pk = ?
"""
# One that has not begun yet begins when it was to begin.
_RELEASE = """
UPDATE instances SET reason = NULL, updated_at_us = :now,
    (status, wake_at_us) = (
        SELECT CASE WHEN has_begun THEN 'running' ELSE 'pending' END,
            CASE WHEN has_begun THEN 0 ELSE COALESCE(start_at_us, 0) END
        FROM (
            SELECT run_number > 1 OR EXISTS (SELECT 1 FROM journal WHERE instance_pk = :pk)
                AS has_begun
        )
    )
WHERE pk = :pk
"""
_PURGE = (
    "DELETE FROM journal WHERE instance_pk = ?",
    "DELETE FROM past_runs WHERE instance_pk = ?",
    "DELETE FROM started WHERE instance_pk = ?",
    "DELETE FROM inbox WHERE instance_pk = ?",
    "DELETE FROM instances WHERE pk = ?",
)


def start(tx: Transaction, new: NewInstance, *, if_exists: IfExists) -> InstanceInfo:
    """Insert an instance; one that this worker can run is its own at once.

    Raises:
        InstanceAlreadyExistsError: As ``if_exists`` has it.
    """
    existing = find(tx, new.instance_id)
    if existing is not None:
        if if_exists == "attach":
            return read(tx, new.instance_id)
        if if_exists == "raise" or not existing.is_finished:
            raise InstanceAlreadyExistsError(
                instance_id=new.instance_id, status=existing.status.value
            )
        erase(tx, existing.run.pk)
    insert(tx, new)
    return new.info(tx.now_us)


def insert(tx: Transaction, new: NewInstance) -> bool:
    """Insert an instance unless there is one of that id; return whether it was inserted."""
    is_due = new.start_at_us is None or new.start_at_us <= tx.now_us
    is_ours = is_due and tx.takes(new.workflow)
    pk = new.insert(tx, owner=tx.worker_id if is_ours else None, now_us=tx.now_us)
    if pk is None:
        return False
    if not is_ours:
        tx.effects.has_ready = True
        return True
    tx.effects.claims.append(
        Claim(
            pk=pk,
            instance_id=new.instance_id,
            run_id=new.run_id,
            run_number=1,
            workflow=new.workflow,
            fresh=new.started(tx.now_us),
        )
    )
    return True


def read(tx: Transaction, instance_id: str) -> InstanceInfo:
    """Return what is known of an instance that exists."""
    cursor = named(tx.connection)
    query = f"SELECT {INFO_COLUMNS} FROM instances WHERE instance_id = ?"
    return info_of(cursor.execute(query, (instance_id,)).fetchone())


def raise_event(tx: Transaction, instance_id: str, *, name: str, payload: str) -> None:
    """Store an event for an instance.

    Raises:
        InstanceNotFoundError: There is none.
        InstanceFinishedError: It has ended.
    """
    target = _unfinished(tx, instance_id, action="raise an event for")
    event = EventReceived(at_us=tx.now_us, name=name, payload=payload)
    inbox.put(tx, target, event, kind="event")


def terminate(tx: Transaction, instance_id: str, *, reason: str) -> None:
    """End an instance by force; one that has ended stays as it is.

    Raises:
        InstanceNotFoundError: There is none.
    """
    target = _existing(tx, instance_id)
    if not target.is_finished:
        ending.terminate(tx, target, reason=reason)


def suspend(tx: Transaction, instance_id: str, *, reason: str) -> None:
    """Hold an instance. Its row says so at once, its owner keeps to it from its next step on.

    Raises:
        InstanceNotFoundError: There is none.
        InstanceFinishedError: It has ended.
    """
    target = _unfinished(tx, instance_id, action="suspend")
    if target.status is not Status.SUSPENDED:
        tx.execute(_HOLD, (reason, tx.now_us, target.run.pk))
        inbox.put(
            tx, target, Suspended(at_us=tx.now_us, reason=reason), kind="suspend", wakes=False
        )


def resume(tx: Transaction, instance_id: str, *, reason: str) -> None:
    """Lift the hold.

    Raises:
        InstanceNotFoundError: There is none.
        InstanceFinishedError: It has ended.
    """
    target = _unfinished(tx, instance_id, action="resume")
    if target.status is Status.SUSPENDED:
        tx.execute(_RELEASE, {"now": tx.now_us, "pk": target.run.pk})
        inbox.put(tx, target, Resumed(at_us=tx.now_us, reason=reason), kind="resume")
        tx.effects.has_ready |= target.owner is None


def purge(tx: Transaction, instance_id: str) -> None:
    """Delete all that is stored of a finished instance.

    Raises:
        InstanceNotFoundError: There is none.
        InstanceActiveError: It has not ended.
    """
    target = _existing(tx, instance_id)
    if not target.is_finished:
        raise InstanceActiveError(
            instance_id=instance_id, status=target.status.value, action="purge"
        )
    erase(tx, target.run.pk)


def erase(tx: Transaction, pk: int) -> None:
    """Delete all rows of an instance."""
    for statement in _PURGE:
        tx.execute(statement, (pk,))


def _existing(tx: Transaction, instance_id: str) -> Target:
    target = find(tx, instance_id)
    if target is None:
        raise InstanceNotFoundError(instance_id=instance_id)
    return target


def _unfinished(tx: Transaction, instance_id: str, *, action: str) -> Target:
    target = _existing(tx, instance_id)
    if target.is_finished:
        raise InstanceFinishedError(
            instance_id=instance_id, status=target.status.value, action=action
        )
    return target
