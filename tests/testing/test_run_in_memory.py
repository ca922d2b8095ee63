"""``run_in_memory``: the real engine, at the time that the test decides."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

import perdure
from perdure.app import App
from perdure.testing import run_in_memory
from perdure.types import Status

LIMIT = timedelta(seconds=10)

app = App("under-test")
approval = perdure.event_type("approval", bool)


@app.activity
async def charge(amount: int) -> str:
    raise RuntimeError(f"a test must not charge {amount}")


@app.activity
def shout(text: str) -> str:
    return text.upper()


@app.workflow
async def settle(amount: int) -> str:
    async with asyncio.timeout(3 * 24 * 3600):
        is_approved = await approval.wait()
    return await charge(amount) if is_approved else "refused"


@app.workflow
async def nap_twice() -> list[str]:
    begin = perdure.now().isoformat()
    await asyncio.sleep(3600)
    middle = perdure.now().isoformat()
    await asyncio.sleep(7200)
    return [begin, middle, await shout(perdure.now().isoformat())]


@app.workflow
async def tick(times: int) -> int:
    for _ in range(times):
        await asyncio.sleep(60)
        await shout("tick")
    return times


def fake_charge(amount: int) -> str:
    return f"charged {amount}"


async def test_a_deadline_of_days_passes_at_once() -> None:
    async with run_in_memory(app) as env:
        handle = await env.client.start(settle, 5)
        begin = time.monotonic()

        await env.advance(days=3)

        with pytest.raises(perdure.WorkflowFailedError) as caught:
            await handle.result(timeout=LIMIT)
        assert caught.value.matches(TimeoutError)
        assert time.monotonic() - begin < 5


async def test_nothing_happens_before_its_time() -> None:
    async with run_in_memory(app) as env:
        handle = await env.client.start(settle, 5)

        await env.advance(days=2, hours=23, minutes=59, seconds=59)

        assert (await handle.info()).status is Status.RUNNING


async def test_a_replaced_activity_runs_instead_of_its_own() -> None:
    async with run_in_memory(app, activities={charge: fake_charge}) as env:
        handle = await env.client.start(settle, 5)

        await handle.raise_event(approval, True)

        assert await handle.result(timeout=LIMIT) == "charged 5"


async def test_refuses_to_replace_what_is_not_there() -> None:
    with pytest.raises(perdure.ActivityNotRegisteredError, match="no-such"):
        async with run_in_memory(app, activities={"no-such": fake_charge}):
            pass


async def test_the_workflow_sees_the_time_of_the_clock_at_each_deadline() -> None:
    start = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    async with run_in_memory(app, start=start) as env:
        handle = await env.client.start(nap_twice)

        await env.advance(hours=10)

        expected = [start, start + timedelta(hours=1), start + timedelta(hours=3)]
        assert await handle.result(timeout=LIMIT) == [it.isoformat().upper() for it in expected]
        assert env.now == start + timedelta(hours=10)


async def test_each_deadline_is_given_its_turn_with_activities_in_between() -> None:
    async with run_in_memory(app) as env:
        handles = [await env.client.start(tick, count) for count in (3, 30)]

        await env.advance(minutes=29, seconds=59)
        before = [(await handle.info()).status for handle in handles]
        await env.advance(seconds=1)

        assert before == [Status.COMPLETED, Status.RUNNING]
        assert await handles[1].result(timeout=LIMIT) == 30


async def test_a_start_in_the_future_waits_for_its_time() -> None:
    async with run_in_memory(app) as env:
        later = env.now + timedelta(hours=6)
        handle = await env.client.start(tick, 0, start_at=later)

        await env.advance(hours=5)
        before = (await handle.info()).status
        await env.advance(hours=1)

        assert before is Status.PENDING
        assert await handle.result(timeout=LIMIT) == 0


async def test_an_execution_timeout_passes_by_the_clock() -> None:
    async with run_in_memory(app) as env:
        handle = await env.client.start(settle, 5, execution_timeout=timedelta(hours=1))

        await env.advance(hours=1)

        assert (await handle.wait(timeout=LIMIT)).status is Status.FAILED


async def test_time_cannot_go_back() -> None:
    async with run_in_memory(app) as env:
        with pytest.raises(ValueError, match="cannot go back"):
            await env.advance(seconds=-1)


async def test_two_environments_at_once_do_not_see_each_other() -> None:
    async with run_in_memory(app) as one, run_in_memory(app) as other:
        await one.client.start(settle, 1, instance_id="same-id")
        await other.client.start(settle, 2, instance_id="same-id")
        await one.advance(days=4)

        info = await other.client.get(settle, "same-id").info()
        assert info.status is Status.RUNNING
        assert other.now < one.now
