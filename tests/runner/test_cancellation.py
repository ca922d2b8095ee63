"""Who cancelled decides: the caller gives up, the activity's own code fails."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any

import pytest

from perdure._runner.activities import ActivityRunner
from tests.runner.attempts import code_of, now_us, task_of, until

if TYPE_CHECKING:
    from collections.abc import Callable


class Given(Exception):
    """What an activity makes of being cancelled."""


async def cancel_self() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def leave_a_cancellation_behind() -> str:
    with contextlib.suppress(asyncio.CancelledError):
        await cancel_self()
    return "done all the same"


async def await_what_is_cancelled() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.mark.parametrize("function", [cancel_self, await_what_is_cancelled])
async def test_an_activity_that_cancels_itself_fails(
    runner: ActivityRunner, function: Callable[..., Any]
) -> None:
    outcome = await runner.run(code_of(function), task_of())

    assert outcome.failure is not None
    assert outcome.failure.matches(asyncio.CancelledError)


async def test_a_cancellation_left_behind_does_not_lose_the_result(runner: ActivityRunner) -> None:
    outcome = await runner.run(code_of(leave_a_cancellation_behind), task_of())

    assert outcome.result == '"done all the same"'


@pytest.mark.parametrize("reply", ["nothing", "a result", "another error"])
async def test_a_caller_that_cancels_gets_no_outcome(runner: ActivityRunner, reply: str) -> None:
    began = asyncio.Event()

    async def act() -> str:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if reply == "nothing":
                raise
            if reply == "another error":
                raise Given from None
        return "late"

    running = asyncio.create_task(runner.run(code_of(act), task_of()))
    await began.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running


async def test_cancelling_waits_for_the_clean_up() -> None:
    runner = ActivityRunner(now_us=now_us)
    began, cleaned = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.set()

    running = asyncio.create_task(runner.run(code_of(act), task_of()))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert cleaned.is_set()


async def test_a_caller_that_cancels_abandons_the_thread(runner: ActivityRunner) -> None:
    began, go_on = threading.Event(), threading.Event()

    def act() -> None:
        began.set()
        go_on.wait(5)

    running = asyncio.create_task(runner.run(code_of(act), task_of()))
    await until(began.is_set)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    go_on.set()


async def test_a_cancelled_wait_for_a_place_leaves_the_place_to_others(
    runner: ActivityRunner,
) -> None:
    release = asyncio.Event()

    async def act() -> None:
        await release.wait()

    holders = [asyncio.create_task(runner.run(code_of(act), task_of())) for _ in range(2)]
    waiter, last = [asyncio.create_task(runner.run(code_of(act), task_of())) for _ in range(2)]
    await asyncio.sleep(0)
    waiter.cancel()
    release.set()

    outcomes = await asyncio.gather(*holders, last)
    assert [outcome.result for outcome in outcomes] == ["null"] * 3
    assert waiter.cancelled()
