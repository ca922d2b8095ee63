"""What a record of results drops, and when: what is too old, and what is too much."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

from perdure.spi.bridge import ResultLimits, ResultRecord
from perdure.testing import ManualClock
from tests.bridge.deliveries import Execution, attempt, is_unknown, until_tidy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.deliveries import OpenRecord

SMALL = 1 << 20


def size(path: Path, suffix: str = "") -> int:
    """Return the size in bytes of the file in use, or of one beside it."""
    return os.path.getsize(f"{path.resolve()}{suffix}")


def rows(path: Path, table: str) -> int:
    """Return how many rows there are."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(count)


def test_results_are_dropped_when_they_are_old_and_at_most_once_stays_known(
    open_record: OpenRecord,
) -> None:
    async def main() -> None:
        clock, execute = ManualClock(), Execution()
        once = attempt(1, delivery="at_most_once")
        hour_us = timedelta(hours=1) // timedelta(microseconds=1)

        async def after(hours: int) -> ResultRecord:
            clock.move_to(clock.now_us() + hours * hour_us)
            record = open_record(clock=clock)
            await until_tidy(record)
            return record

        record = await after(0)
        await record.run(once, execute)
        await record.run(attempt(2), execute)
        record.close()
        record = await after(23)
        await record.run(once, execute)
        await record.run(attempt(2), execute)
        assert len(execute.runs) == 2, "nothing is old"
        record.close()
        record = await after(2)
        assert rows(record.path, "outcomes") == 4, "what ended meanwhile"
        assert is_unknown(await record.run(once, execute))
        await record.run(attempt(2), execute)
        assert len(execute.runs) == 3
        record.close()
        record = await after(24 * 7)
        assert rows(record.path, "starts") == 0

    asyncio.run(main())


def test_the_start_of_what_still_runs_is_kept_however_old(open_record: OpenRecord) -> None:
    async def main() -> None:
        clock, execute = ManualClock(), Execution(is_open=False)
        record = open_record(clock=clock)
        delivery = asyncio.create_task(record.run(attempt(1, delivery="at_most_once"), execute))
        await execute.has_begun.wait()
        clock.move_to(clock.now_us() + timedelta(days=8) // timedelta(microseconds=1))
        await until_tidy(open_record(clock=clock))
        assert rows(record.path, "starts") == 1
        execute.gate.set()
        await delivery

    asyncio.run(main())


def test_the_oldest_results_make_room_and_the_file_stays_small(open_record: OpenRecord) -> None:
    async def main() -> None:
        execute = Execution(result_bytes=10_000)
        record = open_record(limits=ResultLimits(max_bytes=SMALL))
        for number in range(400):
            await record.run(attempt(number), execute)
        await until_tidy(record)
        assert size(record.path) <= SMALL
        for number in range(350, 400):
            await record.run(attempt(number), execute)
        assert len(execute.runs) == 400, "the newest are kept"
        await record.run(attempt(0), execute)
        assert len(execute.runs) == 401, "the oldest are not"

    asyncio.run(main())


def test_the_log_stays_small(open_record: OpenRecord) -> None:
    async def main() -> None:
        execute = Execution(result_bytes=10_000)
        record = open_record()
        for number in range(600):
            await record.run(attempt(number), execute)
        await until_tidy(record)
        assert size(record.path) > 5_000_000
        assert size(record.path, "-wal") < 4_000_000

    asyncio.run(main())
