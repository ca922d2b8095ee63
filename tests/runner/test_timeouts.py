"""The timeout of an attempt: enforced whatever the code does, and told as what it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

import pytest

from perdure.errors import ActivityTimeoutError
from perdure.types import Failure
from tests.runner.attempts import code_of, task_of

if TYPE_CHECKING:
    from perdure._runner.activities import ActivityRunner
    from perdure.spi.program import ActivityOutcome

MESSAGE = "attempt 3 of activity 'act' did not end within its timeout of 0.02 s"


def assert_timed_out(outcome: ActivityOutcome) -> None:
    failure = outcome.failure
    assert failure is not None
    assert failure.matches(TimeoutError)
    assert failure.matches(ActivityTimeoutError)
    assert failure.type == "perdure.errors.ActivityTimeoutError"
    assert failure.message == MESSAGE


async def test_an_async_activity_is_cancelled_and_may_clean_up(runner: ActivityRunner) -> None:
    cleaned = asyncio.Event()

    async def act() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.set()

    assert_timed_out(await runner.run(code_of(act), task_of(timeout=0.02, attempt=3)))
    assert cleaned.is_set()


async def test_a_result_in_spite_of_the_timeout_is_dropped(runner: ActivityRunner) -> None:
    async def act() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "late"

    assert_timed_out(await runner.run(code_of(act), task_of(timeout=0.02, attempt=3)))


async def test_an_async_activity_that_will_not_stop_is_left_to_itself(
    runner: ActivityRunner, caplog: pytest.LogCaptureFixture
) -> None:
    ended = asyncio.Event()

    async def act() -> None:
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        ended.set()

    with caplog.at_level(logging.WARNING):
        assert_timed_out(await runner.run(code_of(act), task_of(timeout=0.02, attempt=3)))

    assert not ended.is_set()
    assert "activity 'act', attempt 3, was given up, but its task runs on" in caplog.text
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_thread_is_abandoned_and_its_place_is_free_again(runner: ActivityRunner) -> None:
    go_on = threading.Event()

    def hang() -> str:
        go_on.wait(5)
        return "late"

    def quick() -> str:
        return "quick"

    for _ in range(3):  # more than there are places
        assert_timed_out(await runner.run(code_of(hang), task_of(timeout=0.02, attempt=3)))

    assert (await runner.run(code_of(quick), task_of())).result == '"quick"'
    go_on.set()


async def test_the_timeout_does_not_count_the_wait_for_a_place(runner: ActivityRunner) -> None:
    def act() -> None:
        time.sleep(0.15)

    attempts = [runner.run(code_of(act), task_of(timeout=0.4)) for _ in range(6)]
    outcomes = await asyncio.gather(*attempts)

    assert [outcome.failure for outcome in outcomes] == [None] * 6


@pytest.mark.parametrize("timeout", [None, 5.0])
async def test_a_timeout_error_of_the_activitys_own_is_no_timeout(
    runner: ActivityRunner, timeout: float | None
) -> None:
    async def act() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    outcome = await runner.run(code_of(act), task_of(timeout=timeout))

    assert isinstance(outcome.failure, Failure)
    assert outcome.failure.type == "TimeoutError"
