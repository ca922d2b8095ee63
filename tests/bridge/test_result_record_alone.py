"""A result that comes alone is committed on the loop; not so with others, or in the way of one."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

from perdure.spi.bridge import ResultRecord
from tests.bridge.deliveries import BACKEND, HUB, Execution, attempt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[ResultRecord]:
    record = ResultRecord.open(BACKEND, HUB, folder=folder)
    try:
        yield record
    finally:
        record.close()


def recorded(record: ResultRecord) -> int:
    with contextlib.closing(sqlite3.connect(record.path)) as other:
        (count,) = other.execute("SELECT count(*) FROM outcomes").fetchone()
    return int(count)


async def test_a_result_alone_is_there_for_others_with_no_commit_of_the_writer(
    tmp_path: Path,
) -> None:
    execute = Execution()
    with opened(tmp_path) as record:
        first = await record.run(attempt(), execute)
        assert (record.commits, recorded(record)) == (0, 1)
        with opened(tmp_path) as other:
            assert await other.run(attempt(), execute) == first
    assert len(execute.runs) == 1


async def test_results_that_come_together_go_to_the_writer(tmp_path: Path) -> None:
    with opened(tmp_path) as record:
        await asyncio.gather(*(record.run(attempt(number), Execution()) for number in range(2)))
        assert record.commits >= 1
        assert recorded(record) == 2


async def test_a_result_alone_waits_for_no_lock_on_the_loop(tmp_path: Path) -> None:
    with opened(tmp_path) as record, contextlib.closing(sqlite3.connect(record.path)) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        running = asyncio.create_task(record.run(attempt(), Execution()))
        began = time.monotonic()
        for _ in range(20):
            await asyncio.sleep(0.001)
        assert time.monotonic() - began < 5, "the loop is held up"
        assert not running.done()
        other.execute("ROLLBACK")
        await running
        assert (record.commits, recorded(record)) == (1, 1)


async def test_a_large_result_goes_to_the_writer(tmp_path: Path) -> None:
    from perdure.spi.program import ActivityOutcome, ActivityTask

    async def execute(task: ActivityTask) -> ActivityOutcome:
        return ActivityOutcome(result='"' + "x" * 100_000 + '"')

    with opened(tmp_path) as record:
        await record.run(attempt(), execute)
        assert (record.commits, recorded(record)) == (1, 1)
