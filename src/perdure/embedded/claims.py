"""Who may advance an instance: taking it, giving it back, and taking it from the dead.

An instance is owned while it is loaded. ``wake_at_us`` stays 0 as long as it is: after a crash it
is loaded at once, whatever it waits for. It gets its real value when it is given back.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from perdure.embedded import ending
from perdure.embedded.targets import find
from perdure.embedded.transaction import Claim
from perdure.spi.history import Terminated
from perdure.spi.journal import decode_event

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from perdure.embedded.transaction import Transaction

_EARLIEST = """
SELECT value, (
    SELECT MIN(wake_at_us) FROM instances
    WHERE workflow = value AND owner IS NULL AND wake_at_us IS NOT NULL
) FROM json_each(?)
"""
_CLAIM = """
UPDATE instances SET owner = :owner, wake_at_us = 0 WHERE pk IN (
    SELECT pk FROM instances
    WHERE workflow = :workflow AND owner IS NULL AND wake_at_us IS NOT NULL AND wake_at_us <= :now
    ORDER BY wake_at_us LIMIT :most
)
RETURNING pk, instance_id, run_id, run_number, workflow
"""
_COUNT_DUE = """
SELECT COUNT(*) FROM (
    SELECT 1 FROM instances
    WHERE workflow = :workflow AND owner IS NULL AND wake_at_us IS NOT NULL AND wake_at_us <= :now
    LIMIT :most
)
"""
# Mail wakes an instance, but one on hold only sleeps until the hold is lifted.
_GIVE_BACK = """
UPDATE instances SET owner = NULL, wake_at_us = CASE
    WHEN status = 'suspended' THEN NULL
    WHEN EXISTS (SELECT 1 FROM inbox WHERE instance_pk = :pk) THEN 0
    ELSE :wake_at_us END
WHERE pk = :pk AND owner = :owner AND finished_at_us IS NULL
"""
_GIVE_BACK_ALL = """
UPDATE instances SET owner = NULL,
    wake_at_us = CASE WHEN status = 'suspended' THEN NULL ELSE 0 END
WHERE owner = ?
"""
_STALL = """
UPDATE instances
SET status = 'stalled', reason = ?, owner = NULL, wake_at_us = NULL, updated_at_us = ?
WHERE pk = ? AND owner = ? AND finished_at_us IS NULL
"""
_CLAIM_STALLED = """
UPDATE instances
SET status = 'running', reason = NULL, owner = :owner, wake_at_us = 0, updated_at_us = :now
WHERE pk IN (
    SELECT pk FROM instances
    WHERE status = 'stalled' AND pk > :after
        AND workflow IN (SELECT value FROM json_each(:workflows))
    ORDER BY pk LIMIT :most
)
RETURNING pk, instance_id, run_id, run_number, workflow
"""
_RELEASE_OF_THE_DEAD = """
UPDATE instances SET owner = NULL, wake_at_us = CASE WHEN status = 'suspended' THEN NULL ELSE 0 END
WHERE owner IS NOT NULL AND owner NOT IN (SELECT id FROM workers)
"""
_TERMINATE_REQUESTS = """
SELECT n.instance_id, i.body FROM inbox AS i JOIN instances AS n ON n.pk = i.instance_pk
WHERE i.kind = 'terminate' AND n.owner IS NULL AND n.finished_at_us IS NULL ORDER BY i.id
"""
_UNKNOWN = """
SELECT DISTINCT workflow FROM instances
WHERE owner IS NULL AND wake_at_us IS NOT NULL AND wake_at_us <= ?
    AND workflow NOT IN (SELECT value FROM json_each(?))
"""


def earliest(connection: sqlite3.Connection, workflows: Iterable[str]) -> dict[str, int]:
    """Return when the first instance that nobody owns is due, for each of ``workflows``."""
    rows = connection.execute(_EARLIEST, (json.dumps(sorted(workflows)),))
    return {workflow: wake_at_us for workflow, wake_at_us in rows if wake_at_us is not None}


def claim(tx: Transaction, workflow: str, *, most: int, sharers: int = 1) -> int:
    """Take up to ``most`` instances that are due, or one of ``sharers`` shares; return how many."""
    if sharers > 1:
        limit = {"workflow": workflow, "now": tx.now_us, "most": most * sharers}
        (due,) = tx.execute(_COUNT_DUE, limit).fetchone()
        most = min(most, math.ceil(due / sharers))
    rows = tx.execute(
        _CLAIM, {"owner": tx.worker_id, "workflow": workflow, "now": tx.now_us, "most": most}
    ).fetchall()
    tx.effects.claims += map(_claim_of, rows)
    return len(rows)


def give_back(tx: Transaction, pk: int, *, wake_at_us: int | None) -> None:
    """Let anybody take an instance of ours from ``wake_at_us`` on, or at once if it has mail."""
    tx.execute(_GIVE_BACK, {"pk": pk, "owner": tx.worker_id, "wake_at_us": wake_at_us})
    tx.effects.has_ready = True


def stall(tx: Transaction, pk: int, *, instance_id: str, reason: str) -> None:
    """Lay an instance of ours aside until a worker with other code starts."""
    tx.execute(_STALL, (reason, tx.now_us, pk, tx.worker_id))
    tx.effects.ended.append(instance_id)


def claim_stalled(
    tx: Transaction, workflows: Iterable[str], *, after: int, most: int
) -> list[Claim]:
    """Take up to ``most`` stalled instances with a pk beyond ``after``, in the order of their pk.

    Whoever wants to try its code on them must take them itself: were they only woken, a worker with
    the code that does not fit might be faster.
    """
    parameters = {
        "owner": tx.worker_id,
        "now": tx.now_us,
        "workflows": json.dumps(sorted(workflows)),
        "after": after,
        "most": most,
    }
    taken = [_claim_of(row) for row in tx.execute(_CLAIM_STALLED, parameters).fetchall()]
    tx.effects.claims += taken
    return sorted(taken, key=lambda claim: claim.pk)


def give_back_all(tx: Transaction) -> None:
    """Give back everything of ours, to be loaded at once by others."""
    tx.execute(_GIVE_BACK_ALL, (tx.worker_id,))
    tx.effects.has_ready = True
    heed_terminations(tx)


def release_of_the_dead(tx: Transaction) -> int:
    """Free the instances of all workers that are no longer registered; return how many."""
    freed = tx.execute(_RELEASE_OF_THE_DEAD).rowcount
    tx.effects.has_ready |= freed > 0
    return freed


def heed_terminations(tx: Transaction) -> None:
    """End the instances whose owner was asked to and has given them up before it could."""
    for instance_id, body in tx.execute(_TERMINATE_REQUESTS).fetchall():
        request = decode_event(body)
        target = find(tx, instance_id)  # asked twice, or ended with its parent just now?
        if target is not None and not target.is_finished:
            assert isinstance(request, Terminated)
            ending.terminate(tx, target, reason=request.reason)


def unknown_workflows(
    connection: sqlite3.Connection, known: Iterable[str], *, now_us: int
) -> list[str]:
    """Return the names of workflows of which instances wait and that are not among ``known``."""
    rows = connection.execute(_UNKNOWN, (now_us, json.dumps(sorted(known))))
    return [workflow for (workflow,) in rows]


def _claim_of(row: Any) -> Claim:
    pk, instance_id, run_id, run_number, workflow = row
    return Claim(
        pk=pk, instance_id=instance_id, run_id=run_id, run_number=run_number, workflow=workflow
    )
