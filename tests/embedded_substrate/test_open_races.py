"""Two processes that open one fresh file at the same moment."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from perdure.embedded.connection import open_database
from tests.embedded_substrate.sandbox import spawn

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 20

# Both count down the rounds on stdin, so that each round begins for both at once.
_OPENER = """
for line in sys.stdin:
    connection = open_database(Path(line.strip()))
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (notes,) = connection.execute("SELECT count(*) FROM meta").fetchone()
    connection.close()
    print(version, notes, flush=True)
"""


def test_two_processes_race_to_make_a_fresh_file(tmp_path: Path) -> None:
    with spawn(_OPENER) as first, spawn(_OPENER) as second:
        for number in range(ROUNDS):
            path = tmp_path / f"{number}.db"
            for process in (first, second):
                assert process.stdin is not None
                process.stdin.write(f"{path}\n")
                process.stdin.flush()
            for process in (first, second):
                assert process.stdout is not None
                assert process.stdout.readline() == "1 1\n"
            with contextlib.closing(open_database(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for process in (first, second):
            assert process.stdin is not None
            process.stdin.close()


def test_opening_succeeds_while_another_process_commits_without_a_pause(path: Path) -> None:
    open_database(path).close()
    writer = spawn(
        """
        connection = open_database(Path(sys.argv[1]))
        print("ready", flush=True)
        while True:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('a', hex(randomblob(500)))")
            connection.execute("COMMIT")
        """,
        path,
    )
    with writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        try:
            for _ in range(20):
                open_database(path).close()
        finally:
            writer.kill()
