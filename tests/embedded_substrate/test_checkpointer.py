"""The checkpointer: it bounds the log, blocks no writer, and avoids SQLite's reset race."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from perdure.embedded import checkpoint as checkpoint_module
from perdure.embedded.checkpoint import Checkpointer, Progress, checkpoint
from perdure.embedded.connection import connect_again
from perdure.embedded.wal import WalUse, measure
from tests.embedded_substrate.conftest import add_steps

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1 << 20


def write_patiently(connection: sqlite3.Connection, *, size: int) -> int:
    """Commit one step as the engine does, and return how often another had its turn."""
    refusals = 0
    while True:
        try:
            add_steps(connection, 1, size=size)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            refusals += 1
            time.sleep(0.0005)
        else:
            return refusals


def test_log_stays_bounded_under_a_writer_that_never_pauses(
    connection: sqlite3.Connection, path: Path
) -> None:
    checkpointer = Checkpointer(path, soft_limit_bytes=MEGABYTE, hard_limit_bytes=4 * MEGABYTE)
    written = peak = 0
    while written < 100 * MEGABYTE:
        write_patiently(connection, size=60_000)
        checkpointer.note_commit()
        written += 60_000
        peak = max(peak, measure(path).size_bytes)
    checkpointer.stop()
    assert peak < 50 * MEGABYTE
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (count,) = connection.execute("SELECT count(*) FROM journal").fetchone()
    assert count == written // 60_000


def test_writer_is_never_refused_below_the_hard_limit(
    connection: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "_NAP_SECONDS", 0.001)
    checkpointer = Checkpointer(path, soft_limit_bytes=100_000)
    for _ in range(300):
        assert write_patiently(connection, size=20_000) == 0
        checkpointer.note_commit()
    checkpointer.stop()
    assert path.stat().st_size > MEGABYTE


def test_checkpoint_lets_the_next_writer_start_the_log_anew(
    connection: sqlite3.Connection, path: Path
) -> None:
    add_steps(connection, 100)
    before = measure(path)
    assert checkpoint(path).is_complete
    assert measure(path) == before
    add_steps(connection, 1)
    after = measure(path)
    assert after.salts != before.salts
    assert 0 < after.frames < before.frames
    assert os.path.getsize(f"{path}-wal") > after.size_bytes


def test_log_is_not_started_anew_while_a_checkpoint_runs(
    connection: sqlite3.Connection, path: Path
) -> None:
    add_steps(connection, 10)
    before = measure(path)
    with checkpoint_module._pinned(path, hold_off_writers=False):
        assert _bare_checkpoint(path).is_complete
        add_steps(connection, 1)
        assert measure(path).salts == before.salts
    checkpoint(path)
    add_steps(connection, 1)
    assert measure(path).salts != before.salts


def test_nothing_is_copied_when_the_log_was_done_before_it_was_pinned(
    connection: sqlite3.Connection, path: Path
) -> None:
    add_steps(connection, 10)
    before = measure(path)
    checkpoint(path)
    with checkpoint_module._pinned(path, hold_off_writers=False):
        # This one may start the log anew under the pin, for the pin reads the file alone.
        add_steps(connection, 20)
        assert measure(path).salts != before.salts
        assert _bare_checkpoint(path).copied_frames == 0
    assert checkpoint(path).is_complete
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_writers_are_held_off_while_the_last_pages_are_copied(
    connection: sqlite3.Connection, path: Path
) -> None:
    add_steps(connection, 10)
    with checkpoint_module._pinned(path, hold_off_writers=True):
        assert _bare_checkpoint(path).is_complete
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("BEGIN IMMEDIATE")
    add_steps(connection, 1)


def test_reader_in_the_way_is_reported_and_does_not_keep_the_thread_busy(
    connection: sqlite3.Connection,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(checkpoint_module, "_NAP_SECONDS", 0.001)
    with contextlib.closing(connect_again(path)) as reader, caplog.at_level(logging.WARNING):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        checkpointer = Checkpointer(path, soft_limit_bytes=MEGABYTE, hard_limit_bytes=MEGABYTE)
        for _ in range(40):
            write_patiently(connection, size=60_000)
            checkpointer.note_commit()
            time.sleep(0.003)
        checkpointer.stop()
        reader.execute("ROLLBACK")
    assert 1 <= len(caplog.records) <= 4
    assert "a reader stays in the way" in caplog.text


def test_no_descriptor_leaks(connection: sqlite3.Connection, path: Path) -> None:
    def count() -> int:
        return len(os.listdir("/dev/fd"))

    add_steps(connection, 1)
    checkpoint(path)
    before = count()
    for _ in range(20):
        add_steps(connection, 1)
        checkpoint(path, hold_off_writers=True)
    assert count() <= before + 2


def test_stop_may_be_called_twice_and_closes_all(
    connection: sqlite3.Connection, path: Path
) -> None:
    checkpointer = Checkpointer(path)
    checkpointer.note_commit()
    checkpointer.stop()
    checkpointer.stop()
    connection.close()
    assert not path.with_name("hub.db-wal").exists()


def test_measure_without_a_log(path: Path) -> None:
    assert measure(path) == WalUse()
    path.with_name("hub.db-wal").write_bytes(b"short")
    assert measure(path) == WalUse()


def test_measure_counts_the_frames_of_this_round(
    connection: sqlite3.Connection, path: Path
) -> None:
    for rounds in range(5):
        add_steps(connection, 3 * rounds + 1)
        with contextlib.closing(connect_again(path)) as other:
            _, frames, _ = other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        assert measure(path).frames == frames


def _bare_checkpoint(path: Path) -> Progress:
    with contextlib.closing(connect_again(path)) as worker:
        _, frames, copied_frames = worker.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return Progress(frames=frames, copied_frames=copied_frames)
