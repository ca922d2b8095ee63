"""Kill points: SIGKILL of this very process, where no signal from outside could hit.

* ``result:n``: an activity has done its work and recorded it, its result has not reached the engine
  (the n-th time);
* ``before-commit:n``: the n-th transaction that writes to the journal is about to be committed;
* ``after-commit:n``: it is committed, and nothing was acted on.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from typing import Any

_VARIABLE = "CRASH_POINT"
_place, _, _count = os.environ.get(_VARIABLE, "none:0").partition(":")
_left = int(_count or 0)
_is_journal_written = False


def _countdown(place: str) -> None:
    global _left
    if place != _place:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def result_reached() -> None:
    """Say that an activity has ended and is about to return."""
    _countdown("result")


def _on_statement(sql: str) -> None:
    # SQLite calls this before it runs a statement. The statement after a COMMIT comes once that has
    # succeeded.
    global _is_journal_written
    if "INTO journal" in sql:
        _is_journal_written = True
    elif sql.startswith("COMMIT"):
        if _is_journal_written:
            _countdown("before-commit")
    elif sql.startswith("BEGIN") and _is_journal_written:
        _is_journal_written = False
        _countdown("after-commit")


def install() -> None:
    """Watch every SQLite connection that is opened from now on."""
    if _place not in {"before-commit", "after-commit"}:
        return
    connect = sqlite3.connect

    def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(_on_statement)
        return connection

    sqlite3.connect = watched  # type: ignore[assignment]  # same call, watched
