"""How a run ends in the file: completed, failed, terminated, or continued by the next run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.embedded import inbox
from perdure.embedded.rows import carried_text, failure_text
from perdure.embedded.targets import COLUMNS, find, target_of
from perdure.spi.history import (
    Completed,
    ContinuedAsNew,
    Failed,
    Terminated,
)
from perdure.spi.journal import encode_event
from perdure.spi.replies import child_ended
from perdure.types import Status

if TYPE_CHECKING:
    from perdure.embedded.targets import Run, Target
    from perdure.embedded.transaction import Transaction
    from perdure.types import ParentLink

KEPT_RUNS = 10
"""How many runs of an instance keep their journal, the present one included."""

_FINISH = """
UPDATE instances SET status = ?, owner = NULL, wake_at_us = NULL, carried = NULL,
    finished_at_us = ?, updated_at_us = ?, output = ?, failure = ?, reason = ?
WHERE pk = ?
"""
_CLEAR_INBOX = "DELETE FROM inbox WHERE instance_pk = ?"
_CLEAR_INBOX_OF_RUN = "DELETE FROM inbox WHERE instance_pk = ? AND run_id = ?"
_CHILDREN = f"""
SELECT {COLUMNS} FROM instances
WHERE parent_instance_id = ? AND parent_run_id = ? AND on_parent_end = 'terminate'
    AND finished_at_us IS NULL
"""
_APPEND = """
INSERT INTO journal (instance_pk, run_number, seq, entries)
SELECT :pk, :run_number, COALESCE(MAX(seq), -1) + 1, :entries FROM journal
WHERE instance_pk = :pk AND run_number = :run_number
"""
_CONTINUE = """
UPDATE instances SET status = CASE status WHEN 'pending' THEN 'running' ELSE status END,
    run_id = :run_id, run_number = run_number + 1, seed = :run_id,
    arguments = :arguments, carried = :carried, updated_at_us = :now
WHERE pk = :pk
"""
_FORGET_RUNS = (
    "DELETE FROM journal WHERE instance_pk = ? AND run_number <= ?",
    "DELETE FROM past_runs WHERE instance_pk = ? AND run_number <= ?",
    "DELETE FROM started WHERE instance_pk = ? AND run_number <= ?",
)


def end(tx: Transaction, run: Run, outcome: Completed | Failed | Terminated) -> None:
    """Write how a run ended; tell its parent, and end its children unless they are abandoned."""
    output = failure = reason = None
    if isinstance(outcome, Completed):
        status, output = Status.COMPLETED, outcome.result
    elif isinstance(outcome, Failed):
        status, failure = Status.FAILED, failure_text(outcome.failure)
    else:
        status, reason = Status.TERMINATED, outcome.reason
    tx.execute(_FINISH, (status, tx.now_us, tx.now_us, output, failure, reason, run.pk))
    tx.execute(_CLEAR_INBOX, (run.pk,))
    tx.effects.ended.append(run.instance_id)
    if run.parent is not None:
        _tell_parent(tx, run.parent, outcome)
    for row in tx.execute(_CHILDREN, (run.instance_id, run.run_id)).fetchall():
        terminate(tx, target_of(row), reason=f"its parent {run.instance_id!r} has ended")


def terminate(tx: Transaction, target: Target, *, reason: str) -> None:
    """End an unfinished instance by force: at once if nobody owns it, else through its owner."""
    terminated = Terminated(at_us=tx.now_us, reason=reason)
    if target.owner is not None:
        inbox.put(tx, target, terminated, kind="terminate")
        return
    row = {"pk": target.run.pk, "run_number": target.run.run_number}
    tx.execute(_APPEND, {**row, "entries": encode_event(terminated)})
    end(tx, target.run, terminated)


def continue_as_new(tx: Transaction, run: Run, outcome: ContinuedAsNew, *, run_id: str) -> None:
    """Let the next run of an instance begin, under ``run_id``."""
    tx.execute(
        _CONTINUE,
        {
            "run_id": run_id,
            "arguments": outcome.arguments,
            "carried": carried_text(outcome.carried),
            "now": tx.now_us,
            "pk": run.pk,
        },
    )
    tx.execute(_CLEAR_INBOX_OF_RUN, (run.pk, run.run_id))
    remember_run(tx, run)


def remember_run(tx: Transaction, run: Run) -> None:
    """Note the id of a run that is over, and drop what is kept of the oldest ones."""
    tx.execute("INSERT INTO past_runs VALUES (?, ?, ?)", (run.pk, run.run_number, run.run_id))
    newest_dropped = run.run_number + 1 - KEPT_RUNS
    if newest_dropped > 0:
        for statement in _FORGET_RUNS:
            tx.execute(statement, (run.pk, newest_dropped))


def _tell_parent(
    tx: Transaction, parent: ParentLink, outcome: Completed | Failed | Terminated
) -> None:
    target = find(tx, parent.instance_id)
    if target is None or target.is_finished or target.run.run_id != parent.run_id:
        return
    event = child_ended(parent.command_id, outcome)
    inbox.put(tx, target, event, kind="child", run_id=parent.run_id)
