"""A record of results: an attempt has one outcome, however often it is delivered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sqlite3
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import (
    ActivityNotRegisteredError,
    PayloadError,
    PayloadStoreError,
)
from perdure.spi.bridge import ResultRecord
from perdure.spi.program import ActivityOutcome
from perdure.types import Failure
from tests.bridge.deliveries import BACKEND, HUB, Execution, attempt, is_unknown

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perdure.spi.program import ActivityTask
    from perdure.types import Delivery
    from tests.bridge.deliveries import OpenRecord

DELIVERIES: list[Delivery] = ["at_least_once", "at_most_once"]
run_numbers = itertools.count()
NOT_BEGUN = [
    ActivityNotRegisteredError(name="pay", known=[]),
    PayloadError(what="arguments", problem="damaged"),
]


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[ResultRecord]:
    """Open a record."""
    record = ResultRecord.open(BACKEND, HUB, folder=folder)
    try:
        yield record
    finally:
        record.close()


async def give_up(delivery: asyncio.Task[ActivityOutcome]) -> None:
    """Cancel a delivery and wait for its end."""
    delivery.cancel()
    await asyncio.wait([delivery])
    assert delivery.cancelled()


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_an_attempt_that_has_ended_is_answered_and_not_run_again(
    tmp_path: Path, delivery: Delivery, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        task, execute = attempt(delivery=delivery), Execution()
        async with opened(tmp_path) as record:
            first = await record.run(task, execute)
            assert first.result == '"result 1 of 1"'
            assert await record.run(task, execute) == first
        async with opened(tmp_path) as record:
            assert await record.run(task, execute) == first
        assert len(execute.runs) == 1

    caplog.set_level(logging.INFO, logger="perdure")
    asyncio.run(main())
    assert [entry.message for entry in caplog.records] == 2 * [
        "activity 'pay', attempt 1, was delivered again and is answered from the record of results"
    ]


@pytest.mark.parametrize(("delivery", "runs"), [("at_least_once", 2), ("at_most_once", 1)])
def test_a_record_can_be_kept_of_those_alone_that_may_run_at_most_once(
    open_record: OpenRecord, delivery: Delivery, runs: int
) -> None:
    async def main() -> None:
        record, execute = open_record(is_for_all=False), Execution()
        for _ in range(2):
            await record.run(attempt(delivery=delivery), execute)
        assert len(execute.runs) == runs

    asyncio.run(main())


def test_attempts_that_are_not_the_same_each_run(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution()
        others = [
            attempt(1),
            attempt(2, attempt=2),  # a retry has the same idempotency key
            attempt(1, run_id="run-2"),
            attempt(1, name="refund"),  # the code has changed before anybody heard of the first
        ]
        async with opened(tmp_path) as record:
            results = [(await record.run(task, execute)).result for task in others]
        assert results == [f'"result {n} of {t.scheduled.id}"' for n, t in enumerate(others, 1)]

    asyncio.run(main())


@pytest.mark.parametrize(
    "outcome",
    [
        ActivityOutcome(failure=Failure.from_exception(KeyError("\ud800 π"))),
        ActivityOutcome(result='"\ud800 π\0"'),
        ActivityOutcome(result="null"),
        ActivityOutcome(result='"' + "x" * 4_000_000 + '"'),
    ],
    ids=["failure", "text that is no UTF-8", "null", "4 MB"],
)
def test_an_outcome_comes_back_unchanged(tmp_path: Path, outcome: ActivityOutcome) -> None:
    async def end(task: ActivityTask) -> ActivityOutcome:
        return outcome

    async def main() -> None:
        async with opened(tmp_path) as record:
            assert await record.run(attempt(), end) == outcome
        async with opened(tmp_path) as record:
            assert await record.run(attempt(), Execution()) == outcome

    asyncio.run(main())


def test_deliveries_at_the_same_time_share_one_execution(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        async with opened(tmp_path) as record, opened(tmp_path) as other, asyncio.TaskGroup() as g:
            first = [g.create_task(record.run(attempt(), execute)) for _ in range(3)]
            await execute.has_begun.wait()
            # As another process would: it looks from time to time.
            second = [g.create_task(other.run(attempt(), execute)) for _ in range(3)]
            await asyncio.sleep(0.03)
            assert not any(delivery.done() for delivery in first + second)
            execute.gate.set()
            assert len({(await delivery).result for delivery in first + second}) == 1
        assert len(execute.runs) == 1

    asyncio.run(main())


def test_an_execution_goes_on_while_any_delivery_waits_for_it(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        async with opened(tmp_path) as record, asyncio.TaskGroup() as group:
            lost = group.create_task(record.run(attempt(), execute))
            await execute.has_begun.wait()
            waiting = group.create_task(record.run(attempt(), execute))
            await asyncio.sleep(0)
            await give_up(lost)
            execute.gate.set()
            assert (await waiting).result == '"result 1 of 1"'

    asyncio.run(main())


def test_an_attempt_that_was_given_up_runs_again(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        async with opened(tmp_path) as record:
            delivery = asyncio.create_task(record.run(attempt(), execute))
            await execute.has_begun.wait()
            await give_up(delivery)
            execute.gate.set()
            assert (await record.run(attempt(), execute)).result == '"result 2 of 1"'

    asyncio.run(main())


def test_an_at_most_once_attempt_that_was_given_up_does_not_run_again(tmp_path: Path) -> None:
    async def main() -> None:
        task, execute = attempt(delivery="at_most_once"), Execution(is_open=False)
        async with opened(tmp_path) as record:
            delivery = asyncio.create_task(record.run(task, execute))
            await execute.has_begun.wait()
            await give_up(delivery)
            execute.gate.set()
            assert is_unknown(await record.run(task, execute))
            assert is_unknown(await record.run(task, execute))
        assert len(execute.runs) == 1

    asyncio.run(main())


def test_a_delivery_that_comes_while_another_is_given_up_runs_after_it(tmp_path: Path) -> None:
    async def main() -> None:
        cleaned_up = asyncio.Event()
        lingering = Execution(is_open=False)

        async def execute(task: ActivityTask) -> ActivityOutcome:
            try:
                return await lingering(task)
            finally:
                await cleaned_up.wait()

        async with opened(tmp_path) as record:
            first = asyncio.create_task(record.run(attempt(), execute))
            await lingering.has_begun.wait()
            first.cancel()
            await asyncio.sleep(0)
            second = asyncio.create_task(record.run(attempt(), Execution()))
            await asyncio.sleep(0.02)
            assert not first.done()
            assert not second.done()
            cleaned_up.set()
            assert (await second).result == '"result 1 of 1"'
            assert first.cancelled()

    asyncio.run(main())


def test_a_result_that_is_being_written_is_recorded_though_nobody_waits(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution()
        async with opened(tmp_path) as record, opened(tmp_path) as other:
            with contextlib.closing(sqlite3.connect(record.path)) as blocker:
                blocker.execute("BEGIN IMMEDIATE")
                delivery = asyncio.create_task(record.run(attempt(), execute))
                await execute.has_begun.wait()
                await asyncio.sleep(0.02)
                delivery.cancel()
                following = asyncio.create_task(other.run(attempt(), execute))
                await asyncio.sleep(0.1)
                assert not delivery.done()
                assert not following.done()
                blocker.execute("ROLLBACK")
            assert (await following).result == '"result 1 of 1"'
            assert delivery.cancelled()

    asyncio.run(main())


@pytest.mark.parametrize("delivery", DELIVERIES)
@pytest.mark.parametrize("error", NOT_BEGUN, ids=lambda error: type(error).__name__)
def test_what_could_not_begin_here_leaves_nothing(
    tmp_path: Path, delivery: Delivery, error: Exception
) -> None:
    async def main() -> None:
        task, execute = attempt(delivery=delivery), Execution()
        execute.error = error
        async with opened(tmp_path) as record:
            with pytest.raises(type(error)):
                await record.run(task, execute)
        async with opened(tmp_path) as record:
            execute.error = None
            assert (await record.run(task, execute)).result == '"result 2 of 1"'

    asyncio.run(main())


def test_an_at_most_once_attempt_whose_result_could_not_be_stored_may_have_run(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        task, execute = attempt(delivery="at_most_once"), Execution()
        execute.error = PayloadStoreError(store="s3", what="result", problem="no route")
        async with opened(tmp_path) as record:
            with pytest.raises(PayloadStoreError):
                await record.run(task, execute)
            assert is_unknown(await record.run(task, execute))

    asyncio.run(main())


def test_results_that_come_together_share_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        async with opened(tmp_path) as record, asyncio.TaskGroup() as group:
            tasks = [attempt(number) for number in range(1_000)]
            deliveries = [group.create_task(record.run(task, execute)) for task in tasks]
            while len(execute.runs) < len(tasks):
                await asyncio.sleep(0)
            assert record.commits == 0
            execute.gate.set()
            await asyncio.wait(deliveries)
            assert record.commits == 1
        async with opened(tmp_path) as record:
            await asyncio.gather(*(record.run(task, execute) for task in tasks))
        assert len(execute.runs) == len(tasks)

    asyncio.run(main())


def test_what_ends_after_the_record_is_closed_is_delivered(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        async with opened(tmp_path) as record:
            delivery = asyncio.create_task(record.run(attempt(), execute))
            await execute.has_begun.wait()
        execute.gate.set()
        assert (await delivery).result == '"result 1 of 1"'
        record.close()
        with pytest.raises(RuntimeError, match=r"the record of results .* is closed"):
            await record.run(attempt(2), execute)
        async with opened(tmp_path) as record:
            assert (await record.run(attempt(), execute)).result == '"result 2 of 1"'

    asyncio.run(main())


def test_what_ends_as_the_record_is_closed_is_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        execute = Execution(is_open=False)
        tasks = [attempt(1), attempt(2)]  # one alone would be written at once
        async with opened(tmp_path) as record:
            deliveries = [asyncio.create_task(record.run(task, execute)) for task in tasks]
            while len(execute.runs) < len(tasks):
                await asyncio.sleep(0)
            execute.gate.set()
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*deliveries)
        async with opened(tmp_path) as record:
            assert [await record.run(task, execute) for task in tasks] == outcomes
        assert len(execute.runs) == len(tasks)

    asyncio.run(main())


@given(
    deliveries=st.lists(
        st.tuples(
            st.integers(min_value=1, max_value=4),
            st.integers(min_value=0, max_value=1),
            st.integers(min_value=0, max_value=3),
            st.integers(min_value=0, max_value=3),
        ),
        max_size=12,
    ),
    delivery=st.sampled_from(DELIVERIES),
)
def test_concurrent_deliveries_run_each_attempt_once(
    tmp_path_factory: pytest.TempPathFactory,
    deliveries: list[tuple[int, int, int, int]],
    delivery: Delivery,
) -> None:
    """Deliver attempts to two records of one hub, each after, and for, some rounds of the loop."""
    folder, run_id = tmp_path_factory.getbasetemp(), f"run-{next(run_numbers)}"
    runs: Counter[int] = Counter()
    results = defaultdict(set)

    async def deliver(record: ResultRecord, number: int, rounds: int, lasts: int) -> None:
        async def execute(task: ActivityTask) -> ActivityOutcome:
            runs[number] += 1
            for _ in range(lasts):
                await asyncio.sleep(0)
            return ActivityOutcome(result=str(runs[number]))

        for _ in range(rounds):
            await asyncio.sleep(0)
        outcome = await record.run(attempt(number, run_id=run_id, delivery=delivery), execute)
        results[number].add(outcome.result)

    async def main() -> None:
        async with opened(folder) as one, opened(folder) as two, asyncio.TaskGroup() as group:
            for number, which, rounds, lasts in deliveries:
                group.create_task(deliver((one, two)[which], number, rounds, lasts))

    asyncio.run(main())
    assert set(runs.values()) <= {1}
    assert results == {number: {"1"} for number, *_ in deliveries}
