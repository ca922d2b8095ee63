"""``perdure.current_activity()``: what an attempt may know of itself."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure.activity_functions import ActivityInfo, current_activity
from perdure.clock import from_us
from perdure.errors import NotInActivityError
from tests.runner.attempts import NOW_US, code_of, task_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure._runner.activities import ActivityRunner

seen: list[ActivityInfo] = []


async def on_loop() -> None:
    seen.append(current_activity())


async def in_a_task_of_its_own() -> None:
    await asyncio.create_task(on_loop())


async def in_a_thread_of_its_own() -> None:
    await asyncio.to_thread(in_thread)


def in_thread() -> None:
    seen.append(current_activity())


@pytest.mark.parametrize(
    "function", [on_loop, in_a_task_of_its_own, in_a_thread_of_its_own, in_thread]
)
async def test_an_attempt_knows_what_it_is(
    runner: ActivityRunner, function: Callable[..., Any]
) -> None:
    seen.clear()

    await runner.run(code_of(function), task_of(timeout=5, attempt=2))

    assert seen == [
        ActivityInfo(
            name="act",
            idempotency_key="trip-1:run-1:4",
            attempt=2,
            instance_id="trip-1",
            run_id="run-1",
            workflow="plan_trip",
            headers={"traceparent": "00-1"},
            started_at=from_us(NOW_US),
            deadline=from_us(NOW_US) + timedelta(seconds=5),
        )
    ]


async def test_without_a_timeout_there_is_no_deadline(runner: ActivityRunner) -> None:
    seen.clear()

    await runner.run(code_of(on_loop), task_of())

    assert seen[0].deadline is None


async def test_attempts_at_the_same_time_do_not_see_each_other(runner: ActivityRunner) -> None:
    async def act(pause: float) -> int:
        first = current_activity()
        await asyncio.sleep(pause)
        assert current_activity() == first
        return first.attempt

    attempts = [
        runner.run(code_of(act), task_of(f'{{"pause":{pause}}}', attempt=number))
        for number, pause in enumerate([0.03, 0.01, 0.02, 0.0], start=1)
    ]

    assert [outcome.result for outcome in await asyncio.gather(*attempts)] == ["1", "2", "3", "4"]


async def test_outside_an_activity_it_says_what_to_do(runner: ActivityRunner) -> None:
    await runner.run(code_of(on_loop), task_of())

    with pytest.raises(NotInActivityError, match="works only inside a running activity; call it"):
        current_activity()
