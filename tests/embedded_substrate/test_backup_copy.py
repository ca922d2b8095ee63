"""Backups of a live file: complete, verified, and never in place of another file."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
from typing import TYPE_CHECKING

import pytest

from perdure.embedded.backup import backup
from perdure.embedded.connection import open_database
from perdure.errors import StorageError
from tests.embedded_substrate.conftest import add_steps
from tests.embedded_substrate.sandbox import run_mounted

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


def steps_in(path: Path) -> int:
    with contextlib.closing(open_database(path)) as copy:
        (count,) = copy.execute("SELECT count(*) FROM journal").fetchone()
    return int(count)


def test_copy_holds_what_is_committed_and_opens_as_a_hub(
    connection: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    add_steps(connection, 20)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM journal")
    backup(path, tmp_path / "copy.db")
    connection.execute("ROLLBACK")
    assert steps_in(tmp_path / "copy.db") == 20


def test_copy_made_while_another_thread_writes_is_a_prefix_of_its_commits(
    connection: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    add_steps(connection, 200)
    is_done = threading.Event()

    def write() -> None:
        while not is_done.is_set():
            add_steps(connection, 1)

    writer = threading.Thread(target=write)
    writer.start()
    backup(path, tmp_path / "copy.db")
    is_done.set()
    writer.join()
    with contextlib.closing(open_database(tmp_path / "copy.db")) as copy:
        count, last = copy.execute("SELECT count(*), max(seq) FROM journal").fetchone()
    assert count == last >= 200


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
@pytest.mark.usefixtures("connection")
def test_existing_target_is_refused_and_left_alone(path: Path, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "copy.db"
    if kind == "file":
        target.write_text("precious")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="overwrites nothing"):
        backup(path, target)
    assert kind != "file" or target.read_text() == "precious"


@pytest.mark.usefixtures("connection")
def test_target_that_appears_meanwhile_is_not_overwritten(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.db"
    module = importlib.import_module(backup.__module__)
    monkeypatch.setattr(module, "_verify", lambda _: target.write_text("precious"))
    with pytest.raises(StorageError, match="overwrites nothing"):
        backup(path, target)
    assert target.read_text() == "precious"
    assert [name for name in os.listdir(tmp_path) if "partial" in name] == []


@pytest.mark.usefixtures("connection")
def test_file_system_without_hard_links(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    backup(path, tmp_path / "copy.db")
    assert steps_in(tmp_path / "copy.db") == 0
    with pytest.raises(StorageError, match="overwrites nothing"):
        backup(path, tmp_path / "copy.db")


def test_source_that_is_not_there_is_not_made(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="there is no such file"):
        backup(path, tmp_path / "copy.db")
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("connection")
def test_folder_of_the_target_must_be_there(path: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"no/copy.db"):
        backup(path, tmp_path / "no" / "copy.db")


def test_damaged_source_gives_no_copy(path: Path, tmp_path: Path) -> None:
    with contextlib.closing(open_database(path)) as connection:
        add_steps(connection, 1, size=17 << 20)
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'journal'"
        ).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 64)
    with pytest.raises(StorageError) as caught:
        backup(path, tmp_path / "copy.db")
    assert caught.value.kind == "corrupt"
    assert not [name for name in os.listdir(tmp_path) if "copy" in name]


@pytest.mark.usefixtures("connection")
def test_copy_is_as_private_as_its_source(path: Path, tmp_path: Path) -> None:
    path.chmod(0o600)
    backup(path, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_full_disk_of_the_target_leaves_nothing_behind(
    connection: sqlite3.Connection, path: Path, tmp_path: Path
) -> None:
    add_steps(connection, 500)
    script = """
    from perdure.embedded.backup import backup
    try: backup(Path(sys.argv[2]), Path(sys.argv[1]) / "copy.db")
    except StorageError as error: print(error.kind, Path(error.path).parent == Path(sys.argv[1]))
    print(os.listdir(sys.argv[1]))
    """
    folder = tmp_path / "small"
    folder.mkdir()
    assert run_mounted(script, folder, path) == "full True\n[]"
