"""The worker: many activities at once, a sidecar that comes and goes, an SDK that gives up."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure._program import RegistryProgram
from perdure_dapr import create_backend

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(120)
_MANY = 64


async def test_many_blocking_activities_run_at_once(dapr_stack: DaprStack) -> None:
    app = perdure.App("wide", backend=dapr_stack.url)
    all_here = threading.Barrier(_MANY, timeout=60)

    @app.activity
    def meet(number: int) -> int:
        all_here.wait()
        return number

    @app.workflow(name="worker_meet")
    async def meet_all() -> int:
        return sum(await asyncio.gather(*(meet(number) for number in range(_MANY))))

    async with app.run() as client:
        handle = await client.start(meet_all)
        assert await handle.result(timeout=timedelta(seconds=90)) == sum(range(_MANY))


async def test_activities_that_await_hold_no_thread(dapr_stack: DaprStack) -> None:
    app = perdure.App("wide", backend=dapr_stack.url)
    running = 0
    threads = 0
    everybody = asyncio.Event()

    @app.activity
    async def linger(number: int) -> int:
        nonlocal running, threads
        running += 1
        if running == _MANY * 3:
            threads = threading.active_count()
            everybody.set()
        await everybody.wait()
        return number

    @app.workflow(name="worker_linger")
    async def linger_all() -> int:
        return len(await asyncio.gather(*(linger(number) for number in range(_MANY * 3))))

    async with app.run() as client:
        handle = await client.start(linger_all)
        assert await handle.result(timeout=timedelta(seconds=90)) == _MANY * 3
    assert threads < _MANY * 3


def make_app(url: str) -> perdure.App:
    app = perdure.App("steps", backend=url)

    @app.activity(name="worker_step")
    async def step(number: int) -> int:
        return number

    @app.workflow(name="worker_steps")
    async def steps(count: int) -> int:
        return sum([await step(number) for number in range(count)])

    return app


async def test_a_worker_outlives_its_sidecar(dapr_stack: DaprStack) -> None:
    app = make_app(dapr_stack.url)
    async with app.run() as client:
        before = await client.start(app.workflows["worker_steps"], 100)
        await asyncio.to_thread(dapr_stack.kill, "daprd")
        await asyncio.sleep(1)
        await asyncio.to_thread(dapr_stack.start, "daprd")
        began = time.monotonic()
        after = await client.start(app.workflows["worker_steps"], 3)
        assert await after.result(timeout=timedelta(seconds=60)) == 3
        assert time.monotonic() - began < 15
        assert await before.result(timeout=timedelta(seconds=60)) == sum(range(100))


async def opened_worker(app: perdure.App, url: str) -> AsyncGenerator[Any, None]:
    """Yield a started worker of a backend, and stop both."""
    backend = create_backend(url)
    await backend.open()
    program = RegistryProgram(app)
    worker: Any = backend.worker(program)
    try:
        await worker.start()
        yield worker
    finally:
        await worker.stop()
        program.close()
        await backend.close()


async def test_another_worker_of_the_sdk_takes_the_place_of_one_that_gave_up(
    dapr_stack: DaprStack, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(dapr_stack.url)
    async for worker in opened_worker(app, dapr_stack.url):
        first = worker._life
        # As when it is told CANCELLED while it connects: its loop ends, and nobody has asked it to.
        first._shutdown.set()
        async with app.client() as client:
            handle = await client.start(app.workflows["worker_steps"], 3)
            assert await handle.result(timeout=timedelta(seconds=60)) == 3
        assert worker._life is not first
    assert "another one begins" in caplog.text


async def test_a_drain_has_an_end_though_an_activity_has_none(dapr_stack: DaprStack) -> None:
    app = perdure.App("stuck", backend=dapr_stack.url)
    begun, let_go = threading.Event(), threading.Event()

    @app.activity(name="worker_stick")
    def stick() -> None:
        begun.set()
        let_go.wait(60)

    @app.workflow(name="worker_stuck")
    async def stuck() -> None:
        await stick()

    try:
        async for worker in opened_worker(app, dapr_stack.url):
            async with app.client() as client:
                handle = await client.start(stuck)
                assert await asyncio.to_thread(begun.wait, 30)
                began = time.monotonic()
                await worker.drain(timeout=timedelta(seconds=1))
                assert time.monotonic() - began < 10
                await handle.terminate()
    finally:
        let_go.set()


async def test_a_drain_lets_activities_end_and_takes_no_new_ones(dapr_stack: DaprStack) -> None:
    app = perdure.App("drained", backend=dapr_stack.url)
    begun: list[int] = []
    is_begun, may_end = asyncio.Event(), asyncio.Event()

    @app.activity(name="worker_drained_step")
    async def step(number: int) -> int:
        begun.append(number)
        is_begun.set()
        await may_end.wait()
        return number

    @app.workflow(name="worker_drained")
    async def steps() -> list[int]:
        return [await step(number) for number in range(3)]

    async with app.client() as client:
        async for worker in opened_worker(app, dapr_stack.url):
            handle = await client.start(steps)
            await asyncio.wait_for(is_begun.wait(), 30)
            draining = asyncio.create_task(worker.drain(timeout=timedelta(seconds=20)))
            await asyncio.sleep(0.2)
            assert not draining.done()
            may_end.set()
            await draining
        assert begun == [0]
        async for _ in opened_worker(app, dapr_stack.url):
            assert await handle.result(timeout=timedelta(seconds=60)) == [0, 1, 2]
    assert begun == [0, 1, 2]
