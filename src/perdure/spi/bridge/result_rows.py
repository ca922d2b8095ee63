"""The rows of a record of results: what was started, what came of it, and when it may go.

``starts`` has the attempts of activities that may run at most once, ``outcomes`` what came of any.
Both are numbered in order of time, so that the oldest are found without an index of their own. The
mark of a start outlives the outcome: an attempt whose outcome has gone must not run again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from perdure.spi.journal import failure_from_data, failure_to_data
from perdure.spi.program import ActivityOutcome

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from perdure.spi.program import ActivityTask

Stored = tuple[bytes | None, bytes | None]
"""The JSON texts of a result and of a failure, one of which is there."""

SCHEMA: Final = (
    """
    CREATE TABLE outcomes (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        finished_at_us INTEGER NOT NULL,
        result BLOB,   -- JSON text; NULL if it failed
        failure BLOB   -- JSON text; NULL if it did not
    )
    """,
    """
    CREATE TABLE starts (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        started_at_us INTEGER NOT NULL
    )
    """,
)

_DROPPED_AT_ONCE: Final = 1_000

_FIND = "SELECT result, failure FROM outcomes WHERE key = ?"
_START = "INSERT INTO starts (key, started_at_us) VALUES (?, ?) ON CONFLICT DO NOTHING"
_FORGET = "DELETE FROM starts WHERE key = ?"
_FINISH = """
INSERT INTO outcomes (key, finished_at_us, result, failure) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING
"""
_DROP_OLD = """
DELETE FROM outcomes WHERE finished_at_us < ?
AND id IN (SELECT id FROM outcomes ORDER BY id LIMIT ?)
"""
_DROP_FIRST = "DELETE FROM outcomes WHERE id IN (SELECT id FROM outcomes ORDER BY id LIMIT ?)"
_OLD_STARTS = """
SELECT id, key FROM (SELECT * FROM starts ORDER BY id LIMIT ?) WHERE started_at_us < ?
"""
_DROP_START = "DELETE FROM starts WHERE id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLimits:
    """How long results are kept: until the server has long had them.

    Attributes:
        outcomes_for: How long after it ended an attempt is answered from the record.
        starts_for: How long after it began an attempt that may run at most once is known.
        max_bytes: How much room there is; the oldest outcomes go first.
    """

    outcomes_for: timedelta = timedelta(hours=24)
    starts_for: timedelta = timedelta(days=7)
    max_bytes: int = 256 << 20


def attempt_key(task: ActivityTask) -> bytes:
    """Return what all deliveries of one attempt have in common, and no two attempts.

    A command number is used once in a run, and a retry is a new command. The name tells commands
    apart that had the number before and after a change of code, if nobody heard of the first.
    """
    scheduled = task.scheduled
    text = f"{task.instance_id}:{task.run_id}:{scheduled.id}:{scheduled.name}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def encode(outcome: ActivityOutcome) -> Stored:
    """Return an outcome as it is stored."""
    # As bytes, since JSON may hold what UTF-8 cannot: one half of a surrogate pair.
    if outcome.failure is not None:
        return None, json.dumps(failure_to_data(outcome.failure)).encode()
    return (outcome.result or "null").encode("utf-8", "surrogatepass"), None


def decode(stored: Stored) -> ActivityOutcome:
    """Return the outcome that :func:`encode` was given."""
    result, failure = stored
    if failure is not None:
        return ActivityOutcome(failure=failure_from_data(json.loads(failure)))
    return ActivityOutcome(result=(result or b"").decode("utf-8", "surrogatepass"))


def find(connection: sqlite3.Connection, key: bytes) -> Stored | None:
    """Return the outcome of an attempt, if it is there."""
    stored: Stored | None = connection.execute(_FIND, (key,)).fetchone()
    return stored


def start(connection: sqlite3.Connection, key: bytes, *, at_us: int) -> bool:
    """Mark an attempt as started; return whether it was not before."""
    return connection.execute(_START, (key, at_us)).rowcount == 1


def forget(connection: sqlite3.Connection, key: bytes) -> None:
    """Take the mark of a start back."""
    connection.execute(_FORGET, (key,))


def finish(connection: sqlite3.Connection, key: bytes, stored: Stored, *, at_us: int) -> None:
    """Write down what came of an attempt. The first outcome stands."""
    connection.execute(_FINISH, (key, at_us, *stored))


def prune(
    connection: sqlite3.Connection,
    limits: ResultLimits,
    *,
    now_us: int,
    is_claimed: Callable[[bytes], bool],
) -> int:
    """Drop the oldest of what is too old, or too much; return how many rows. Looks at few rows."""
    before_us = now_us - _microseconds(limits.outcomes_for)
    dropped = connection.execute(_DROP_OLD, (before_us, _DROPPED_AT_ONCE)).rowcount
    before_us = now_us - _microseconds(limits.starts_for)
    old = connection.execute(_OLD_STARTS, (_DROPPED_AT_ONCE, before_us)).fetchall()
    ended = [(id,) for id, key in old if not is_claimed(key)]
    connection.executemany(_DROP_START, ended)
    return dropped + len(ended) + _make_room(connection, limits.max_bytes)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Return how much of the file is in use."""
    return (_pragma(connection, "page_count") - _pragma(connection, "freelist_count")) * _pragma(
        connection, "page_size"
    )


def _make_room(connection: sqlite3.Connection, max_bytes: int) -> int:
    # A tenth of the room is left for what comes until the next look.
    dropped, count = 0, 1
    while used_bytes(connection) > max_bytes - max_bytes // 10:
        gone = connection.execute(_DROP_FIRST, (count,)).rowcount
        if not gone:
            break
        dropped += gone
        count = min(count * 2, _DROPPED_AT_ONCE)
    return dropped


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)
