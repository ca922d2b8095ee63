"""Running a finished instance again: from the start, or from a command on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.embedded import ending, inbox, lifecycle
from perdure.embedded.rows import child_result
from perdure.embedded.targets import find
from perdure.errors import InstanceActiveError, InstanceNotFoundError
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    EventReceived,
    TimerFired,
    WorkflowStarted,
)
from perdure.spi.journal import decode_journal, encode_journal
from perdure.spi.rerun import kept_for_rerun
from perdure.types import Failure, Status

if TYPE_CHECKING:
    from perdure.embedded.inbox import Kind
    from perdure.embedded.targets import Target
    from perdure.embedded.transaction import Transaction
    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo

# A parent has had its answer; it must not end the new run when it ends itself.
_RENEW = """
UPDATE instances SET
    run_id = :run_id, run_number = run_number + 1, seed = COALESCE(:seed, :run_id),
    status = :status, wake_at_us = 0, start_at_us = NULL,
    updated_at_us = :now, finished_at_us = NULL,
    output = NULL, failure = NULL, reason = NULL, custom_status = NULL,
    execution_deadline_us = :now + execution_timeout_us,
    on_parent_end = CASE WHEN on_parent_end IS NULL THEN NULL ELSE 'abandon' END
WHERE pk = :pk
"""
_DEADLINE = "SELECT execution_deadline_us FROM instances WHERE pk = ?"
_JOURNAL = "SELECT entries FROM journal WHERE instance_pk = ? AND run_number = ? ORDER BY seq"
_APPEND = "INSERT INTO journal (instance_pk, run_number, seq, entries) VALUES (?, ?, 0, ?)"
_ADOPT = "UPDATE instances SET parent_run_id = ? WHERE pk = ?"


def restart(
    tx: Transaction, instance_id: str, *, run_id: str, from_command: int | None
) -> InstanceInfo:
    """Begin a new run of a finished instance.

    Raises:
        InstanceNotFoundError: There is none.
        InstanceActiveError: It has not ended.
        ValueError: The journal holds no such command.
    """
    target = find(tx, instance_id)
    if target is None:
        raise InstanceNotFoundError(instance_id=instance_id)
    if not target.is_finished:
        raise InstanceActiveError(
            instance_id=instance_id, status=target.status.value, action="restart"
        )
    if from_command is None:
        _renew(tx, target, run_id=run_id, status=Status.PENDING)
    else:
        _rerun(tx, target, run_id=run_id, command_id=from_command)
    return lifecycle.read(tx, instance_id)


def _rerun(tx: Transaction, target: Target, *, run_id: str, command_id: int) -> None:
    rows = tx.execute(_JOURNAL, (target.run.pk, target.run.run_number)).fetchall()
    journal = [event for (text,) in rows for event in decode_journal(text)]
    kept = kept_for_rerun(journal, command_id)
    started = journal[0]
    assert isinstance(started, WorkflowStarted)
    status = Status.RUNNING if kept.journal else Status.PENDING
    _renew(tx, target, run_id=run_id, status=status, seed=started.seed)
    if kept.journal:
        (deadline_us,) = tx.execute(_DEADLINE, (target.run.pk,)).fetchone()
        first = replace(started, run_id=run_id, execution_deadline_us=deadline_us)
        entries = [first, *kept.journal[1:]]
        run_number = target.run.run_number + 1
        tx.execute(_APPEND, (target.run.pk, run_number, encode_journal(entries)))
        _adopt_children(tx, target, entries, run_id=run_id)
    if kept.again is not None:
        _repeat(tx, target, kept.again, run_id=run_id)


def _renew(
    tx: Transaction, target: Target, *, run_id: str, status: Status, seed: str | None = None
) -> None:
    ending.remember_run(tx, target.run)
    tx.execute(
        _RENEW,
        {
            "run_id": run_id,
            "seed": seed,
            "status": status.value,
            "now": tx.now_us,
            "pk": target.run.pk,
        },
    )
    tx.effects.has_ready = True


def _repeat(tx: Transaction, target: Target, event: HistoryEvent, *, run_id: str) -> None:
    """Deliver an input of the old run, whose step ended it, to the new one."""
    kind = _KINDS.get(type(event))
    if kind is not None:
        inbox.put(tx, target, event, kind=kind, run_id=run_id, wakes=False)
    else:
        assert isinstance(event, TimerFired)  # it is due, and fires by itself


def _adopt_children(
    tx: Transaction, target: Target, journal: list[HistoryEvent], *, run_id: str
) -> None:
    """Let the children that the kept journal still waits for answer to the new run."""
    heard = {e.id for e in journal if isinstance(e, ChildCompleted | ChildFailed)}
    for started in journal:
        if isinstance(started, ChildStarted) and started.id not in heard:
            child = find(tx, started.instance_id)
            parent = None if child is None else child.run.parent
            is_ours = parent is not None and parent.run_id == target.run.run_id
            if child is not None and is_ours and not child.is_finished:
                tx.execute(_ADOPT, (run_id, child.run.pk))
                continue
            event: ChildCompleted | ChildFailed
            if child is not None and is_ours:
                event = child_result(tx.connection, child.run.pk, command_id=started.id)
            else:
                error = InstanceNotFoundError(instance_id=started.instance_id)
                failure = Failure.from_exception(error, with_traceback=False)
                event = ChildFailed(at_us=tx.now_us, id=started.id, failure=failure)
            inbox.put(tx, target, event, kind="child", run_id=run_id, wakes=False)


_KINDS: dict[type[HistoryEvent], Kind] = {
    ActivityCompleted: "activity",
    ActivityFailed: "activity",
    ChildCompleted: "child",
    ChildFailed: "child",
    EventReceived: "event",
}
