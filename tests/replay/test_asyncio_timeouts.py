"""``sleep``, ``timeout`` and ``wait_for`` in a workflow: durable timers."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import ActivityError
from perdure.spi.history import ActivityCompleted
from tests.replay.stage import START_US, act, this

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_sleep_is_a_timer_and_time_stands_still_between_events(begin: Begin) -> None:
    async def run() -> Any:
        before = this().now()
        await asyncio.sleep(90)
        return (this().now() - before) == timedelta(seconds=90)

    stage = begin(run)

    assert stage.commands == ["timer 90"]
    assert stage.advance(89.999_999).new == []
    assert stage.advance(0.000_001).result is True


def test_timers_fire_by_deadline_and_among_equals_by_creation(begin: Begin) -> None:
    rung: list[str] = []

    async def part(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        rung.append(name)
        await act(name)

    async def run() -> None:
        await asyncio.gather(part("late", 9), part("first", 5), part("second", 5), part("soon", 1))

    stage = begin(run, is_checked=False).advance(60)

    assert rung == ["soon", "first", "second", "late"]
    # Each at the instant at which time was given, since none was delivered before.
    assert [entry.at_us for entry in stage.new] == [START_US + 60_000_000] * 8


def test_what_is_due_fires_before_the_event_that_comes_with_it(begin: Begin) -> None:
    async def run() -> Any:
        try:
            async with asyncio.timeout(5):
                return await act("a")
        except TimeoutError:
            return "too late"

    assert begin(run).complete("a", "in time", after=5).result == "too late"


def test_a_result_before_the_deadline_cancels_the_timer(begin: Begin) -> None:
    async def run() -> Any:
        async with asyncio.timeout(5):
            first = await act("a")
        return [first, await act("b")]

    stage = begin(run).complete("a", 1, after=4.9)

    assert stage.executor.next_deadline_us() is None
    assert stage.advance(100).new == []
    assert stage.complete("b", 2).result == [1, 2]


def test_an_inner_timeout_is_not_taken_for_the_outer(begin: Begin) -> None:
    async def run() -> Any:
        async with asyncio.timeout(10):
            try:
                async with asyncio.timeout(5):
                    await act("a")
            except TimeoutError:
                return await act("b")

    stage = begin(run).advance(5)

    assert stage.open == ["a", "b"]
    assert stage.complete("b", "b").result == "b"


def test_a_timeout_can_be_moved(begin: Begin) -> None:
    async def run() -> Any:
        async with asyncio.timeout(5) as limit:
            await act("a")
            limit.reschedule(asyncio.get_running_loop().time() + 60)
            await act("b")

    stage = begin(run).complete("a", after=3)

    assert stage.commands == ["timer 5", "a", "timer 63", "b"]
    assert stage.advance(60).failure.type == "TimeoutError"


def test_wait_for_runs_what_it_waits_for_in_the_same_task(begin: Begin) -> None:
    # Before Python 3.12, asyncio made a task of its own for it, and the timer in another order.
    async def run() -> Any:
        return await asyncio.wait_for(act("a"), 5)

    stage = begin(run)

    assert stage.commands == ["timer 5", "a"]
    assert stage.complete("a", 1).result == 1


def test_wait_for_times_out(begin: Begin) -> None:
    async def run() -> Any:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(act("a"), 5)
        return "too late"

    assert begin(run).advance(5).result == "too late"


def test_wait_for_no_time_at_all_takes_only_what_is_there(begin: Begin) -> None:
    async def run() -> Any:
        done = asyncio.create_task(asyncio.sleep(0, "done"))
        await done
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(act("a"), 0)
        return await asyncio.wait_for(done, 0)

    stage = begin(run)

    assert stage.commands == ["Completed"]
    assert stage.result == "done"


def test_wait_for_passes_errors_on(begin: Begin) -> None:
    async def run() -> None:
        await asyncio.wait_for(act("a"), 5)

    stage = begin(run).fail("a", ValueError("no"))

    assert stage.failure.matches(ActivityError)


@pytest.mark.parametrize("seconds", [0, -1, 0.000_000_1])
def test_a_sleep_of_no_time_needs_no_timer(begin: Begin, seconds: float) -> None:
    async def run() -> Any:
        await asyncio.sleep(seconds)
        return "awake"

    stage = begin(run)

    assert stage.commands == ["Completed"]


def test_a_timer_due_at_once_leaves_the_execution_deadline_alone(begin: Begin) -> None:
    async def run() -> None:
        await asyncio.sleep(0.000_000_1)
        await act("a")

    stage = begin(run, deadline_seconds=60)

    assert stage.advance(60).failure.type == "TimeoutError"


def test_a_sleep_beyond_all_calendars_ends_with_the_last_of_them(begin: Begin) -> None:
    async def run() -> None:
        await asyncio.sleep(float("inf"))

    stage = begin(run)

    assert stage.executor.next_deadline_us() == 253_402_300_799_000_000


def test_a_sleep_of_not_a_number_is_an_error_of_the_workflow(begin: Begin) -> None:
    async def run() -> None:
        await asyncio.sleep(float("nan"))

    assert begin(run).failure.message == "Invalid delay: NaN (not a number)"


def test_cancelled_timers_do_not_pile_up_behind_an_early_one(begin: Begin) -> None:
    async def run() -> None:
        asyncio.create_task(asyncio.sleep(60))  # noqa: RUF006 - the loop holds it
        for _ in range(2_000):
            async with asyncio.timeout(3_600):
                await asyncio.sleep(0)
        await act("a")

    stage = begin(run)

    assert len(stage.executor.timers._heap) < 100
    assert stage.executor.next_deadline_us() == START_US + 60_000_000


def test_time_never_goes_back(begin: Begin) -> None:
    async def run() -> Any:
        first = this().now()
        await act("a")
        return this().now() >= first

    stage = begin(run)
    (activity,) = stage.executor.open_activities()
    stage.deliver(ActivityCompleted(at_us=START_US - 1, id=activity.id, result="null"))

    assert stage.result is True
    assert [entry.at_us for entry in stage.new] == [START_US] * 2
