"""Opening the file: what a fresh one is, what is verified, and which files are refused."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from perdure import _filesystem as filesystem
from perdure.embedded import connection as connection_module
from perdure.embedded import schema
from perdure.embedded.connection import open_database
from perdure.errors import StorageError
from tests.embedded_substrate.conftest import add_steps
from tests.embedded_substrate.sandbox import run, run_mounted, spawn

if TYPE_CHECKING:
    from pathlib import Path


def refusal(path: Path, *, read_only: bool = False) -> StorageError:
    with pytest.raises(StorageError) as caught:
        open_database(path, read_only=read_only)
    assert str(path) in str(caught.value)
    return caught.value


def overwrite(path: Path, *, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_fresh_file_is_marked_as_ours_and_syncs_every_commit(
    connection: sqlite3.Connection,
) -> None:
    assert schema.pragma(connection, "application_id") == schema.APPLICATION_ID
    assert schema.pragma(connection, "user_version") == schema.SCHEMA_VERSION
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
    assert not connection.in_transaction


def test_what_is_committed_is_there_when_opened_again(path: Path) -> None:
    with contextlib.closing(open_database(path)) as first:
        add_steps(first, 3)
    with contextlib.closing(open_database(path)) as second:
        assert second.execute("SELECT count(*) FROM journal").fetchone() == (3,)


def test_empty_file_is_made_a_hub(path: Path) -> None:
    path.touch()
    with contextlib.closing(open_database(path)) as connection:
        assert schema.difference(connection) is None


def test_path_with_characters_that_uris_reserve(tmp_path: Path) -> None:
    path = tmp_path / "100% ?mode=memory#ü.db"
    open_database(path).close()
    assert path.is_file()


def test_text_file_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("dear diary\n" * 100)
    error = refusal(path)
    assert error.kind == "foreign"
    assert "choose another path" in str(error)
    assert path.read_text() == "dear diary\n" * 100


def test_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE photos (id INTEGER PRIMARY KEY)")
    before = path.read_bytes()
    assert refusal(path).kind == "foreign"
    assert path.read_bytes() == before


def test_file_of_a_newer_version_is_refused(path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    error = refusal(path)
    assert error.kind == "newer_version"
    assert "schema 7" in str(error)


@pytest.mark.parametrize("damage", ["DROP INDEX inbox_by_instance", "DROP TABLE started"])
def test_missing_part_of_the_schema_is_named(path: Path, damage: str) -> None:
    with contextlib.closing(open_database(path)) as connection:
        connection.execute(damage)
    error = refusal(path)
    assert error.kind == "corrupt"
    assert damage.split()[-1] in str(error)


def test_altered_table_is_named(path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        connection.execute("ALTER TABLE workers DROP COLUMN role")
    assert "'workers'" in str(refusal(path))


def test_truncated_file_is_refused(path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        add_steps(connection, 50)
    os.truncate(path, path.stat().st_size // 2)
    error = refusal(path)
    assert error.kind == "corrupt"
    assert "restore a backup" in str(error)


def test_file_cut_to_a_few_bytes_is_refused(path: Path) -> None:
    open_database(path).close()
    os.truncate(path, 60)
    assert refusal(path).kind in {"corrupt", "foreign"}


def test_flipped_bytes_in_a_page_are_found_at_the_start(path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        add_steps(connection, 50)
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'"
        ).fetchone()
    overwrite(path, offset=(page - 1) * 4096, data=b"\xff" * 32)
    assert refusal(path).kind == "corrupt"


def test_flipped_bytes_in_the_header_are_refused(path: Path) -> None:
    open_database(path).close()
    overwrite(path, offset=0, data=b"sqlite")
    error = refusal(path)
    assert error.kind == "foreign"
    assert "its beginning is damaged" in str(error)


def test_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "its folder is not there" in str(refusal(tmp_path / "no" / "hub.db"))


def test_network_file_system_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"36 35 98:0 / {tmp_path.resolve()} rw - nfs4 server:/export rw\n")
    monkeypatch.setattr(filesystem, "MOUNTINFO", mounts)
    error = refusal(path)
    assert error.kind == "network"
    assert "nfs4" in str(error)
    assert not path.exists()


def test_too_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 0))
    assert "3.37.0 or newer" in str(refusal(path))


def test_file_locked_by_another_program_is_waited_for_and_its_holder_named(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "_LOCK_WAIT_SECONDS", 0.2)
    open_database(path).close()
    holder = spawn(
        """
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        print("held", flush=True)
        sys.stdin.read()
        """,
        path,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            error = refusal(path)
        finally:
            holder.kill()
    assert error.kind == "locked"
    assert f"process {holder.pid}" in str(error) or os.uname().sysname != "Linux"
    open_database(path).close()


def test_lock_given_up_in_time_is_no_error(path: Path) -> None:
    open_database(path).close()
    holder = spawn(
        """
        import time
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        print("held", flush=True)
        time.sleep(0.2)
        """,
        path,
    )
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        open_database(path).close()


_WITHOUT_PRIVILEGES = """
path = Path(sys.argv[1])
open_database(path).close()
path.chmod(0o444)
if os.getuid() == 0:
    os.chown(path.parent, 65534, 65534)
    os.chdir("/")
    os.setgid(65534)
    os.setuid(65534)
"""


def test_file_without_write_permission_is_refused(public_folder: Path) -> None:
    script = (
        _WITHOUT_PRIVILEGES + "try: open_database(path)\nexcept StorageError as e: print(e.kind)"
    )
    assert run(script, public_folder / "hub.db") == "read_only"


def test_file_without_write_permission_can_be_read(public_folder: Path) -> None:
    script = _WITHOUT_PRIVILEGES + "open_database(path, read_only=True).close(); print('read')"
    assert run(script, public_folder / "hub.db") == "read"


_ON_A_READ_ONLY_DISK = """
import subprocess
path = Path(sys.argv[1]) / "hub.db"
open_database(path).close()
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
for target in (path, path.with_name("other.db")):
    try: open_database(target)
    except StorageError as error: print(error.kind)
connection = open_database(path, read_only=True)
print(connection.execute("SELECT count(*) FROM instances").fetchone())
"""


def test_read_only_disk_is_refused_for_writing_and_good_for_reading(tmp_path: Path) -> None:
    assert run_mounted(_ON_A_READ_ONLY_DISK, tmp_path) == "read_only\nread_only\n(0,)"


def test_reading_changes_nothing_and_makes_nothing(path: Path) -> None:
    assert refusal(path, read_only=True).kind == "other"
    assert not path.exists()
    open_database(path).close()
    with (
        contextlib.closing(open_database(path, read_only=True)) as reader,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        reader.execute("DELETE FROM meta")
