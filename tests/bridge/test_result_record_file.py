"""The file of a record of results when it is full, damaged, replaced or taken away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import result_file, result_rows
from perdure.spi.bridge.result_claims import ResultClaims
from tests.bridge.deliveries import Execution, attempt, until_tidy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bridge.deliveries import OpenRecord

REFUSING = """
CREATE TRIGGER refusing BEFORE INSERT ON starts BEGIN SELECT RAISE(FAIL, 'no'); END
"""


def errors_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error."""
    return [entry.getMessage() for entry in caplog.records if entry.levelno == logging.ERROR]


def test_results_are_delivered_while_the_disk_is_full_and_recorded_once_it_is_not(
    open_record: OpenRecord, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        execute = Execution(result_bytes=40_000)
        with monkeypatch.context() as full:
            settings = (*result_file._SETTINGS, "PRAGMA max_page_count = 8")
            full.setattr(result_file, "_SETTINGS", settings)
            record = open_record()
            for _ in range(3):
                assert (await record.run(attempt(), execute)).result is not None
            assert len(execute.runs) == 3
        (complaint,) = errors_of(caplog)
        assert str(record.path) in complaint
        assert "the disk is full, or a quota is used up; free some space" in complaint
        for _ in range(3):
            await record.run(attempt(), execute)
        assert len(execute.runs) == 4

    asyncio.run(main())


def test_an_at_most_once_attempt_waits_while_its_start_cannot_be_recorded(
    open_record: OpenRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        execute, task = Execution(), attempt(delivery="at_most_once")
        record = open_record()
        with contextlib.closing(sqlite3.connect(record.path, timeout=10)) as blocker:
            blocker.execute(REFUSING)
        delivery = asyncio.create_task(record.run(task, execute))
        await asyncio.sleep(0.1)
        assert not execute.runs
        with contextlib.closing(sqlite3.connect(record.path, timeout=10)) as blocker:
            blocker.execute("DROP TRIGGER refusing")
        assert (await delivery).result == '"result 1 of 1"'

    asyncio.run(main())


def test_a_start_survives_a_loss_of_power_and_a_result_only_that_of_processes(
    open_record: OpenRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: dict[str, int] = {}

    def watch(name: str) -> None:
        write = getattr(result_rows, name)

        def watching(connection: sqlite3.Connection, **row: Any) -> Any:
            (levels[name],) = connection.execute("PRAGMA synchronous").fetchone()
            return write(connection, **row)

        monkeypatch.setattr(result_rows, name, watching)

    watch("start")
    watch("finish")
    normal, full = 1, 2

    async def main() -> None:
        await open_record().run(attempt(delivery="at_most_once"), Execution())

    asyncio.run(main())
    assert levels == {"start": full, "finish": normal}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"this is no database" * 1_000),
        lambda path: _overwrite_pages(path),
        lambda path: _make_foreign(path),
        lambda path: _drop_table(path),
    ],
    ids=["no database", "pages", "foreign", "no table"],
)
def test_a_file_that_is_damaged_when_it_is_opened_is_left_for_a_new_one(
    open_record: OpenRecord,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
) -> None:
    async def fill() -> Path:
        record = open_record()
        await asyncio.gather(*(record.run(attempt(number), Execution()) for number in range(200)))
        record.close()
        return record.path

    async def use() -> None:
        record, execute = open_record(), Execution()
        assert record.path.resolve() != old, "not only when it is used"
        for _ in range(2):
            await record.run(attempt(), execute)
        assert len(execute.runs) == 1

    path = asyncio.run(fill())
    old = path.resolve()
    damage(path)
    asyncio.run(use())
    (warning,) = [entry.getMessage() for entry in caplog.records]
    assert f"{path} is damaged" in warning
    assert f"it is left as {old.name}, and a new one is begun" in warning
    assert old.exists()


def _overwrite_pages(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        # Nothing may be left in the log; the owner may be at a checkpoint of its own just now.
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            time.sleep(0.01)
    with path.open("r+b") as file:
        for page in range(2, path.stat().st_size // 4_096):
            file.seek(page * 4_096)
            file.write(b"\xff" * 4_096)


def _make_foreign(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 1")


def _drop_table(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE starts")


def test_a_file_whose_damage_shows_later_is_left_by_all_who_use_it(
    open_record: OpenRecord, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        # Large enough not to be in a cache.
        one, two, execute = open_record(), open_record(), Execution(result_bytes=3_000)
        await asyncio.gather(*(one.run(attempt(number), execute) for number in range(200)))
        await two.run(attempt(1), execute)
        await until_tidy(one)
        _overwrite_pages(one.path)
        # Both have the file open and look for an attempt in it.
        assert (await one.run(attempt(7), execute)).result
        assert len(execute.runs) == 201
        await two.run(attempt(7), execute)
        await one.run(attempt(8), execute)
        await two.run(attempt(8), execute)
        assert len(execute.runs) == 202
        # Letting go of the old file has not taken the log of the new one away.
        assert open_record().path.resolve() == one.path.resolve()
        for number in (7, 8):
            await open_record().run(attempt(number), execute)
        assert len(execute.runs) == 202
        assert len(list(one.path.parent.glob("results-1-*.db"))) == 2

    asyncio.run(main())
    assert not errors_of(caplog)


def test_of_two_who_find_the_same_damage_one_begins_a_new_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    claims = ResultClaims(tmp_path / "claims")
    files = [result_file.ResultFile(tmp_path / "results.db", claims) for _ in range(2)]
    for file in files:
        file.connection()
    for file in files:
        file.replace(result_file.DamagedError("it does not look well"))
    assert len(caplog.records) == 1
    for file in files:
        file.connection()
        file.close()
    assert len(list(tmp_path.glob("results-*.db"))) == 2
    claims.close()


def test_a_folder_that_was_removed_is_made_again(open_record: OpenRecord) -> None:
    async def main() -> None:
        record, execute = open_record(), Execution()
        await record.run(attempt(), execute)
        await until_tidy(record)
        for path in record.path.parent.iterdir():
            path.unlink()
        record.path.parent.rmdir()
        for _ in range(2):
            await record.run(attempt(), execute)
        assert len(execute.runs) == 2

    asyncio.run(main())
