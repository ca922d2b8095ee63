"""With no worker connected, instances are started, told things and ended; nothing is lost of it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure import InstanceFinishedError, Status
from perdure_dapr.address import parse_address
from perdure_dapr.connection import Connection
from perdure_dapr.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure_dapr.stack import DaprStack

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(params=["bare_stack", "dapr_stack"], ids=["hosted by workers", "hosted always"])
def stack(request: pytest.FixtureRequest) -> DaprStack:
    """Return a sidecar that hosts workflows only for workers, and one that always does."""
    found: DaprStack = request.getfixturevalue(request.param)
    return found


def make_app(stack: DaprStack) -> perdure.App:
    app = perdure.App("attended", backend=stack.url)

    @app.workflow(name="attended_sum")
    async def add_up(count: int) -> int:
        return sum([await perdure.wait_for_event("number", int) for _ in range(count)])

    return app


def workflow(app: perdure.App) -> Any:
    return app.workflows["attended_sum"]


@contextlib.asynccontextmanager
async def calls(stack: DaprStack) -> AsyncGenerator[Sidecar, None]:
    """Open a way to ask the sidecar itself."""
    connection = Connection(parse_address(stack.url, environment={}))
    connection.open()
    try:
        yield Sidecar(connection)
    finally:
        await connection.close()


async def test_what_was_done_with_no_worker_is_there_for_the_first_one(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.client() as client:
        handles = [await client.start(workflow(app), 3) for _ in range(10)]
        for number in range(3):
            await asyncio.gather(*(handle.raise_event("number", number) for handle in handles))
        assert [(await handle.info()).status for handle in handles] == [Status.PENDING] * 10
    async with app.run() as client:
        results = [
            await client.get(workflow(app), handle.instance_id).result() for handle in handles
        ]
    assert results == [3] * 10


async def test_a_worker_that_comes_in_the_middle_of_it_gets_everything(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.client() as client:
        handles = [await client.start(workflow(app), 20) for _ in range(5)]
        raising = asyncio.gather(*(_raise_all(handle, 20) for handle in handles))
        await handles[0].raise_event("number", 0)
        async with app.worker():
            await raising
            await handles[0].info()
            results = [await handle.result() for handle in handles[1:]]
    assert results == [sum(range(20))] * 4


async def _raise_all(handle: Any, count: int) -> None:
    for number in range(count):
        with contextlib.suppress(InstanceFinishedError):
            await handle.raise_event("number", number)


async def test_it_writes_no_history_and_leaves_no_stream_behind(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.client() as client, calls(stack) as sidecar:
        handle = await client.start(workflow(app), 1)
        await handle.raise_event("number", 1)
        assert await sidecar.events(handle.instance_id) == []
        await _until_nobody_is_connected(sidecar)
        assert await sidecar.events(handle.instance_id) == []
        assert await handle.history() == []


async def _until_nobody_is_connected(sidecar: Sidecar) -> None:
    deadline = time.monotonic() + 15
    while (await sidecar.metadata()).connected_workers > 0:
        assert time.monotonic() < deadline, "the attendant stays"
        await asyncio.sleep(0.05)


async def test_an_end_by_force_is_durable_before_any_worker_sees_it(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.client() as client:
        handle = await client.start(workflow(app), 1)
        began = time.monotonic()
        await handle.terminate(reason="a mistake")
        assert time.monotonic() - began < 5
    async with app.run() as client:
        info = await client.get(workflow(app), handle.instance_id).wait()
    assert (info.status, info.reason) == (Status.TERMINATED, "a mistake")


async def test_a_hold_is_durable_before_any_worker_sees_it(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.client() as client:
        handle = await client.start(workflow(app), 1)
        await handle.suspend(reason="lunch")
        await handle.raise_event("number", 5)
    async with app.run() as client:
        again = client.get(workflow(app), handle.instance_id)
        await _until_status(again, Status.SUSPENDED)
        await again.resume()
        assert await again.result() == 5


async def _until_status(handle: Any, status: Status) -> None:
    deadline = time.monotonic() + 20
    while (await handle.info()).status is not status:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_finished_instances_are_purged_with_no_worker(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.run() as client:
        handle = await client.start(workflow(app), 0)
        await handle.result()
    async with app.client() as client:
        again = client.get(workflow(app), handle.instance_id)
        await again.purge()
        with pytest.raises(perdure.InstanceNotFoundError):
            await again.info()


async def test_a_worker_is_served_after_many_clients_came_and_went(stack: DaprStack) -> None:
    """Each has the sidecar host workflows, and lets it stop: at a bad moment that is for ever."""
    app = make_app(stack)
    handles = []
    for _ in range(3):
        async with app.client() as client:
            started = [client.start(workflow(app), 1) for _ in range(5)]
            handles += await asyncio.gather(*started)
            await asyncio.gather(*(handle.raise_event("number", 7) for handle in handles[-5:]))
    async with app.run() as client:
        ids = [handle.instance_id for handle in handles]
        results = [await client.get(workflow(app), each).result() for each in ids]
    assert results == [7] * 15


async def test_with_a_worker_there_is_no_attendant(stack: DaprStack) -> None:
    app = make_app(stack)
    async with app.run() as client, calls(stack) as sidecar:
        handle = await client.start(workflow(app), 1)
        assert (await sidecar.metadata()).connected_workers == 1
        await handle.raise_event("number", 3)
        assert await handle.result() == 3
        assert (await sidecar.metadata()).connected_workers == 1
