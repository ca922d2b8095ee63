"""The worker: what it takes, how much at once, how it ends, and who takes over."""

from __future__ import annotations

import asyncio
import functools
import json
import threading
import time
import urllib.request
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.waiting import wait_on_loop_until

import perdure
from perdure import Status
from perdure._program import RegistryProgram
from perdure_azure import create_backend, sdk, sdk_worker
from perdure_azure.stack import AzureStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

_MANY = 64
_SOON = timedelta(seconds=60)


def make_app(stack: AzureStack) -> perdure.App:
    app = perdure.App("steps", backend=stack.url)

    @app.activity(name="worker_step")
    async def step(number: int) -> int:
        return number

    @app.workflow(name="worker_steps")
    async def steps(count: int) -> int:
        return sum([await step(number) for number in range(count)])

    return app


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


# -- how much at once -----------------------------------------------------------------------------


async def test_many_blocking_activities_run_at_once(azure_stack: AzureStack) -> None:
    app = perdure.App("wide", backend=azure_stack.url)
    all_here = threading.Barrier(_MANY, timeout=60)

    @app.activity(name="worker_meet")
    def meet(number: int) -> int:
        all_here.wait()
        return number

    @app.workflow(name="worker_meet_all")
    async def meet_all() -> int:
        return sum(await asyncio.gather(*(meet(number) for number in range(_MANY))))

    async with app.run() as client:
        handle = await client.start(meet_all)
        assert await handle.result(timeout=_SOON) == sum(range(_MANY))


async def test_five_hundred_activities_that_await_hold_no_thread(azure_stack: AzureStack) -> None:
    app = perdure.App("wide", backend=azure_stack.url)
    count, running, threads = 500, 0, 0
    everybody = asyncio.Event()

    @app.activity(name="worker_linger")
    async def linger(number: int) -> int:
        nonlocal running, threads
        running += 1
        if running == count:
            threads = threading.active_count()
            everybody.set()
        await everybody.wait()
        return number

    @app.workflow(name="worker_linger_all")
    async def linger_all() -> int:
        return len(await asyncio.gather(*(linger(number) for number in range(count))))

    async with app.run() as client:
        handle = await client.start(linger_all)
        assert await handle.result(timeout=_SOON) == count
    assert threads < 60


async def test_three_hundred_instances_at_once_come_to_their_ends(azure_stack: AzureStack) -> None:
    app = make_app(azure_stack)
    async with app.run() as client:
        steps = app.workflows["worker_steps"]
        handles = await asyncio.gather(*(client.start(steps, 3) for _ in range(300)))
        results = await asyncio.gather(*(handle.result(timeout=_SOON) for handle in handles))
    assert results == [3] * 300


# -- what it takes --------------------------------------------------------------------------------


async def test_start_returns_only_once_work_is_handed_out(tmp_path: Path) -> None:
    with AzureStack(tmp_path / "stack", StackOptions()) as stack:
        app = make_app(stack)
        async with app.client() as client:
            handle = await client.start(app.workflows["worker_steps"], 0)
            assert (await handle.info()).status is Status.PENDING
            assert connected_workers(stack) == 0
            async for _ in opened_worker(app, stack.url):
                assert connected_workers(stack) == 1
                assert await handle.result(timeout=timedelta(seconds=5)) == 0


def connected_workers(stack: AzureStack) -> int:
    with urllib.request.urlopen(f"{stack.admin_url}/status", timeout=10) as answer:
        count: int = json.load(answer)["hubs"]["default"]["workers"]
    return count


def app_of(stack: AzureStack, name: str) -> perdure.App:
    """Return a program with one workflow and one activity of that name."""
    app = perdure.App(name, backend=stack.url)

    @app.activity(name=f"filters_do_{name}")
    async def do() -> str:
        return name

    @app.workflow(name=f"filters_{name}")
    async def run(steps: int) -> list[str]:
        return [await do() for _ in range(steps)]

    return app


async def test_two_programs_on_one_hub_get_each_its_own_and_park_nothing(
    azure_stack: AzureStack, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = app_of(azure_stack, "first"), app_of(azure_stack, "second")
    async with first.run() as client, second.run() as other:
        started = [
            await each.start(f"filters_{name}", arguments={"steps": 3})
            for _ in range(10)
            for each, name in ((other, "first"), (client, "second"))
        ]
        results = await asyncio.gather(*(handle.result(timeout=_SOON) for handle in started))
        histories = [await handle.history() for handle in started]
    assert results == [["first"] * 3, ["second"] * 3] * 10
    assert "parked" not in caplog.text
    assert all(len(list(history)) == 8 for history in histories)


async def test_a_workflow_that_nobody_has_waits_as_pending(azure_stack: AzureStack) -> None:
    known, unknown = app_of(azure_stack, "known"), app_of(azure_stack, "unknown")
    async with known.run() as client:
        handle = await client.start("filters_unknown", arguments={"steps": 1})
        # Whoever comes later in the queue is not held up.
        assert await (await client.start("filters_known", arguments={"steps": 1})).result()
        info = await handle.info()
        assert (info.status, info.reason) == (Status.PENDING, None)
        with pytest.raises(TimeoutError, match=r"still pending.*filters_unknown"):
            await handle.wait(timeout=timedelta(seconds=0.5))
        async with unknown.worker():
            assert await handle.result(timeout=_SOON) == ["unknown"]


async def test_another_worker_of_the_sdk_takes_the_place_of_one_that_gave_up(
    azure_stack: AzureStack, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(azure_stack)
    async for worker in opened_worker(app, azure_stack.url):
        first = worker._life
        # Its loop ends, and nobody has asked it to.
        first._shutdown.set()
        async with app.client() as client:
            handle = await client.start(app.workflows["worker_steps"], 3)
            assert await handle.result(timeout=_SOON) == 3
        assert worker._life is not first
    assert "another one begins" in caplog.text


# -- the end --------------------------------------------------------------------------------------


async def test_a_drain_has_an_end_though_an_activity_has_none(azure_stack: AzureStack) -> None:
    app = perdure.App("stuck", backend=azure_stack.url)
    begun, let_go = threading.Event(), threading.Event()

    @app.activity(name="worker_stick")
    def stick() -> None:
        begun.set()
        let_go.wait(60)

    @app.workflow(name="worker_stuck")
    async def stuck() -> None:
        await stick()

    try:
        async for worker in opened_worker(app, azure_stack.url):
            async with app.client() as client:
                handle = await client.start(stuck)
                assert await asyncio.to_thread(begun.wait, 30)
                began = time.monotonic()
                await worker.drain(timeout=timedelta(seconds=1))
                assert time.monotonic() - began < 10
                await handle.terminate()
    finally:
        let_go.set()


async def test_a_drain_lets_activities_end_and_takes_no_new_ones(azure_stack: AzureStack) -> None:
    app = perdure.App("drained", backend=azure_stack.url)
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
        async for worker in opened_worker(app, azure_stack.url):
            handle = await client.start(steps)
            await asyncio.wait_for(is_begun.wait(), 30)
            draining = asyncio.create_task(worker.drain(timeout=timedelta(seconds=20)))
            await wait_on_loop_until(worker._life._is_draining.is_set)
            assert not draining.done()
            may_end.set()
            await draining
        assert begun == [0]
        # Its result was delivered: nobody who takes over runs it again.
        async for _ in opened_worker(app, azure_stack.url):
            assert await handle.result(timeout=_SOON) == [0, 1, 2]
    assert begun == [0, 1, 2]


async def test_a_stopped_worker_leaves_no_thread_behind(azure_stack: AzureStack) -> None:
    app = make_app(azure_stack)
    async with app.client() as client:
        handle = await client.start(app.workflows["worker_steps"], 3)
        async for _ in opened_worker(app, azure_stack.url):
            assert await handle.result(timeout=_SOON) == 3
        names = {thread.name for thread in threading.enumerate()}
    assert not {name for name in names if "perdure-azure-worker" in name or "DurableTask" in name}


# -- silence --------------------------------------------------------------------------------------


async def test_a_long_activity_on_a_silent_stream_runs_once(
    azure_stack: AzureStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK takes a stream for broken that is silent for long, and asks for its items again."""
    opened = count_streams(monkeypatch)
    shorten_silence(monkeypatch, seconds=0.5)
    app = perdure.App("long", backend=azure_stack.url)
    begun: list[str] = []

    @app.activity(name="worker_long_step")
    async def step() -> str:
        begun.append(perdure.current_activity().idempotency_key)
        seen = len(opened)
        await wait_on_loop_until(lambda: len(opened) > seen + 1)
        return "done"

    @app.workflow(name="worker_long")
    async def long() -> str:
        return await step()

    async with app.run() as client:
        handle = await client.start(long)
        assert await handle.result(timeout=_SOON) == "done"
    assert len(begun) == 1


async def test_a_busy_stream_is_not_taken_for_a_silent_one(
    azure_stack: AzureStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = count_streams(monkeypatch)
    monkeypatch.setattr(sdk_worker, "_SIGN_SECONDS", 0.1)
    shorten_silence(monkeypatch, seconds=1.0)
    app = make_app(azure_stack)
    async with app.run() as client:
        handle = await client.start(app.workflows["worker_steps"], 10)
        streams = len(opened)
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            handle = await client.start(app.workflows["worker_steps"], 1)
            assert await handle.result(timeout=_SOON) == 0
        assert len(opened) == streams


def count_streams(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with each stream of work items that is opened."""
    opened: list[str] = []
    dispatched = sdk_worker.SdkWorker._dispatched

    def count(self: Any, stream: Any) -> Any:
        opened.append(uuid.uuid4().hex)
        return dispatched(self, stream)

    monkeypatch.setattr(sdk_worker.SdkWorker, "_dispatched", count)
    return opened


def shorten_silence(monkeypatch: pytest.MonkeyPatch, *, seconds: float) -> None:
    options = functools.partial(
        sdk.GrpcWorkerResiliencyOptions, silent_disconnect_timeout_seconds=seconds
    )
    monkeypatch.setattr(sdk, "GrpcWorkerResiliencyOptions", options)
