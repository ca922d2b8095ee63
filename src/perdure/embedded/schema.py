"""The shape of the file: made fresh, brought up to date, and verified.

``schema.sql`` is the newest shape. ``migrations/NNNN_name.sql`` bring a file from version NNNN-1
to NNNN; 0001 is the first shape. ``application_id`` says that a file is ours, ``user_version``
which migration it has had last.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from perdure._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPLICATION_ID: Final = 0x70657264  # "perd"
SCHEMA_VERSION: Final = 1

_HERE: Final = Path(__file__).parent
_OBJECTS: Final = (
    "SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_NOTE: Final = "INSERT OR REPLACE INTO meta (key, value) VALUES (:key, :value)"


def is_fresh(connection: sqlite3.Connection) -> bool:
    """Return whether nothing was ever written: no mark of any program, and no table."""
    marks = (pragma(connection, "application_id"), pragma(connection, "user_version"))
    if marks != (0, 0):
        return False
    return connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Make the schema, or apply the migrations that are missing, all in one transaction.

    Whoever comes second, of two processes that open the file at once, finds nothing left to do. A
    file of another program, or of a newer version, stays as it is.

    Raises:
        sqlite3.OperationalError: Another process writes just now; call again.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        if is_fresh(connection):
            _run(connection, (_HERE / "schema.sql").read_text(encoding="utf-8"))
            _stamp(connection, "created_with")
        elif is_outdated(connection):
            for path in _migrations_after(pragma(connection, "user_version")):
                _run(connection, path.read_text(encoding="utf-8"))
            _stamp(connection, "migrated_with")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_outdated(connection: sqlite3.Connection) -> bool:
    """Return whether the file is ours and lacks a migration."""
    is_ours = pragma(connection, "application_id") == APPLICATION_ID
    return is_ours and pragma(connection, "user_version") < SCHEMA_VERSION


def difference(connection: sqlite3.Connection) -> str | None:
    """Return what is missing or otherwise than the schema says, or ``None``. More is allowed."""
    actual = _objects_of(connection)
    for name, expected in _expected_objects().items():
        if name not in actual:
            return f"{expected[0]} {name!r} is missing"
        if actual[name] != expected:
            return f"{expected[0]} {name!r} is not as this version of perdure made it"
    return None


def pragma(connection: sqlite3.Connection, name: str) -> int:
    """Return the value of a pragma that is a whole number."""
    (value,) = connection.execute(f"PRAGMA {name}").fetchone()
    return int(value)


def _stamp(connection: sqlite3.Connection, note: str) -> None:
    connection.execute(_NOTE, {"key": note, "value": f"perdure {__version__}"})
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _run(connection: sqlite3.Connection, script: str) -> None:
    # Not executescript(): it commits first, and with it the transaction that holds all of this
    # together.
    for statement in _statements(script):
        connection.execute(statement)


def _statements(script: str) -> Iterator[str]:
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def _migrations_after(version: int) -> list[Path]:
    numbered = sorted((_HERE / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return [path for path in numbered if version < int(path.name[:4]) <= SCHEMA_VERSION]


@cache
def _expected_objects() -> Mapping[str, tuple[str, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        _run(connection, (_HERE / "schema.sql").read_text(encoding="utf-8"))
        return _objects_of(connection)
    finally:
        connection.close()


def _objects_of(connection: sqlite3.Connection) -> dict[str, tuple[str, ...]]:
    """Return each table with its columns and each index with its text."""
    objects = {}
    for kind, name, sql in connection.execute(_OBJECTS).fetchall():
        if kind == "table":
            columns = connection.execute(
                'SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (name,)
            )
            objects[name] = (kind, *sorted(map(str, columns)))
        else:
            objects[name] = (kind, " ".join((sql or "").split()))
    return objects
