"""The schema: one text for fresh files, numbered migrations for old ones, and both the same."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure.embedded import schema
from perdure.embedded.connection import open_database
from perdure.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(schema.__file__).parent


def objects(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return sorted((kind, name, " ".join(sql.split())) for kind, name, sql in rows)


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make believe that there are two migrations more; yield the folder they are in."""
    folder = tmp_path / "embedded"
    (folder / "migrations").mkdir(parents=True)
    schema_sql = (FOLDER / "schema.sql").read_text()
    (folder / "schema.sql").write_text(schema_sql + "CREATE TABLE colours (name, shade);\n")
    (folder / "migrations" / "0002_colours.sql").write_text("CREATE TABLE colours (name);\n")
    third = "ALTER TABLE colours ADD COLUMN shade;\nINSERT INTO colours VALUES ('red; blue', 1);\n"
    (folder / "migrations" / "0003_shades.sql").write_text(third)
    monkeypatch.setattr(schema, "_HERE", folder)
    monkeypatch.setattr(schema, "SCHEMA_VERSION", 3)
    schema._expected_objects.cache_clear()
    yield folder
    schema._expected_objects.cache_clear()


def test_migrations_lead_to_the_schema_of_a_fresh_file() -> None:
    paths = sorted((FOLDER / "migrations").glob("*.sql"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, schema.SCHEMA_VERSION + 1))
    with (
        contextlib.closing(sqlite3.connect(":memory:")) as migrated,
        contextlib.closing(sqlite3.connect(":memory:")) as fresh,
    ):
        for path in paths:
            migrated.executescript(path.read_text())
        fresh.executescript((FOLDER / "schema.sql").read_text())
        assert objects(migrated) == objects(fresh)


@pytest.mark.usefixtures("connection", "newer")
def test_old_file_is_brought_up_to_date_with_its_data(path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        assert schema.pragma(connection, "user_version") == 3
        assert connection.execute("SELECT * FROM colours").fetchall() == [("red; blue", 1)]
        notes = dict(connection.execute("SELECT key, value FROM meta"))
        assert set(notes) == {"created_with", "migrated_with"}


def test_migration_that_fails_leaves_the_file_as_it_was(
    connection: sqlite3.Connection, path: Path, newer: Path
) -> None:
    (newer / "migrations" / "0003_shades.sql").write_text("CREATE TABLE colours (again);\n")
    with pytest.raises(StorageError, match="colours already exists"):
        open_database(path)
    assert schema.pragma(connection, "user_version") == 1
    assert (
        connection.execute("SELECT name FROM sqlite_schema WHERE name = 'colours'").fetchall() == []
    )


@pytest.mark.usefixtures("connection", "newer")
def test_old_file_is_not_migrated_by_a_reader(path: Path) -> None:
    with pytest.raises(StorageError, match="older perdure"):
        open_database(path, read_only=True)


def test_killed_amid_its_making_the_file_is_made_at_the_next_start(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as half_done:
        half_done.execute("PRAGMA journal_mode = WAL")
        half_done.execute("BEGIN IMMEDIATE")
        half_done.execute("CREATE TABLE meta (key, value)")
        half_done.execute("ROLLBACK")
    with contextlib.closing(open_database(path)) as connection:
        assert schema.difference(connection) is None
