"""What errors of SQLite and of the system are turned into, met on real files and disks."""

from __future__ import annotations

import errno
import sqlite3
from typing import TYPE_CHECKING

import pytest

from perdure.embedded.connection import translate
from tests.embedded_substrate.conftest import add_steps
from tests.embedded_substrate.sandbox import run_mounted

if TYPE_CHECKING:
    from pathlib import Path


def fault(connection: sqlite3.Connection, statement: str) -> sqlite3.Error:
    with pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    return caught.value


def test_full_file_keeps_what_is_committed(connection: sqlite3.Connection, path: Path) -> None:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 10}")
    with pytest.raises(sqlite3.OperationalError) as caught:
        add_steps(connection, 100)
    error = translate(caught.value, path)
    assert error.kind == "full"
    assert "free some space" in str(error)
    assert not connection.in_transaction or connection.execute("ROLLBACK")
    assert connection.execute("SELECT count(*) > 3 FROM journal").fetchone() == (1,)


_FILL = """
folder = Path(sys.argv[1])
path = folder / "hub.db"
connection = open_database(path)
committed = 0
try:
    while True:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO journal VALUES (1, 1, ?, ?)", (committed, "x" * 5000))
        connection.execute("COMMIT")
        committed += 1
except sqlite3.Error as error:
    print(translate(error, path).kind)
if connection.in_transaction:
    connection.execute("ROLLBACK")
assert connection.execute("SELECT count(*) FROM journal").fetchone() == (committed,)
"""


def test_full_disk_loses_nothing_and_work_goes_on_once_there_is_room(tmp_path: Path) -> None:
    script = """
    ballast = Path(sys.argv[1]) / "ballast"
    ballast.write_bytes(bytes(300_000))
    """
    script = _dedent(script) + _FILL + "ballast.unlink()\n"
    script += "connection.execute(\"INSERT INTO journal VALUES (2, 1, 1, 'more')\")\nprint('on')"
    assert run_mounted(script, tmp_path) == "full\non"


def test_full_disk_keeps_a_fresh_file_and_an_old_one_from_opening(tmp_path: Path) -> None:
    script = """
    folder = Path(sys.argv[1])
    open_database(folder / "old.db").close()
    try:
        with open(folder / "ballast", "wb", buffering=0) as file:
            while True: file.write(bytes(4096))
    except OSError: pass
    for name in ("old.db", "new.db"):
        try: open_database(folder / name)
        except StorageError as error: print(error.kind)
    """
    assert run_mounted(script, tmp_path) == "full\nfull"


def test_fresh_file_that_did_not_fit_can_be_opened_later(tmp_path: Path) -> None:
    script = """
    ballast = Path(sys.argv[1]) / "ballast"
    ballast.write_bytes(bytes(980_000))
    path = Path(sys.argv[1]) / "hub.db"
    try: open_database(path)
    except StorageError as error: print(error.kind)
    ballast.unlink()
    print(open_database(path).execute("SELECT count(*) FROM instances").fetchone())
    """
    assert run_mounted(script, tmp_path) == "full\n(0,)"


def test_busy_is_locked(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    second = open_database_beside(path)
    assert translate(fault(second, "BEGIN IMMEDIATE"), path).kind == "locked"
    second.close()


def test_error_without_a_code_is_other(connection: sqlite3.Connection, path: Path) -> None:
    connection.close()
    error = translate(fault(connection, "SELECT 1"), path)
    assert error.kind == "other"
    assert "closed database" in str(error)


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "full"),
        (errno.EROFS, "read_only"),
        (errno.EACCES, "read_only"),
        (errno.EIO, "other"),
    ],
)
def test_errors_of_the_system(number: int, kind: str, tmp_path: Path) -> None:
    assert translate(OSError(number, "as the system says"), tmp_path).kind == kind


def open_database_beside(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


def _dedent(script: str) -> str:
    return "\n".join(line.strip() for line in script.splitlines()) + "\n"
