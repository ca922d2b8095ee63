"""A worker that leaves lets activities end, records what they gave, gives everything back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from perdure import Registry
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

registry = Registry()
runs: Counter[str] = Counter()
gate = asyncio.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    global gate
    runs.clear()
    gate = asyncio.Event()


@registry.activity
async def note(name: str) -> str:
    runs[name] += 1
    if name == "slow":
        await gate.wait()
    return name


@registry.workflow
async def two() -> list[str]:
    return [await note("slow"), await note("next")]


@registry.workflow
async def nap() -> str:
    await asyncio.sleep(10)
    return "awake"


async def running(hub: Hub) -> Node:
    node = await hub.open(registry)
    await node.start("two")
    while not runs["slow"]:
        await asyncio.sleep(0)
    return node


async def test_draining_waits_for_activities_and_starts_no_others(hub: Hub) -> None:
    node = await running(hub)
    assert node.worker is not None
    draining = asyncio.create_task(node.worker.drain(timeout=timedelta(seconds=9)))
    await asyncio.sleep(0)
    gate.set()
    await draining
    assert runs == {"slow": 1}
    assert await node.kinds() == [
        "WorkflowStarted",
        "ActivityScheduled",
        "ActivityCompleted",
        "ActivityScheduled",
    ]
    await hub.open(registry)
    assert await node.result() == ["slow", "next"]
    assert runs == {"slow": 1, "next": 1}
    await hub.close()


async def test_what_outlasts_the_drain_runs_again_elsewhere(hub: Hub) -> None:
    node = await running(hub)
    other = await hub.open(registry)
    assert node.worker is not None
    await node.worker.drain(timeout=timedelta())
    await node.worker.stop()
    gate.set()
    assert await other.result() == ["slow", "next"]
    assert runs == {"slow": 2, "next": 1}
    await hub.close()


async def test_idle_instances_are_given_back_at_once(hub: Hub) -> None:
    node = await running(hub)
    await node.start("nap", "j")
    await hub_settled(node)
    assert node.worker is not None
    draining = asyncio.create_task(node.worker.drain(timeout=timedelta(seconds=9)))
    other = await hub.open(registry)
    hub.clock.move_to(hub.clock.now_us() + 10_000_000)
    assert await other.result("j") == "awake"
    assert not draining.done()
    gate.set()
    await draining
    assert await other.result() == ["slow", "next"]
    await hub.close()


async def hub_settled(node: Node) -> None:
    await node.engine.settle(ignores_activities=True)


async def test_a_backend_runs_one_worker_at_a_time_and_another_after_it(hub: Hub) -> None:
    node = await hub.open(registry)
    from perdure._program import RegistryProgram

    second = node.backend.worker(RegistryProgram(registry, clock=hub.clock))
    with pytest.raises(RuntimeError, match="has a worker already"):
        await second.start()
    assert node.worker is not None
    await node.worker.stop()
    await node.start("nap")
    await hub.settle()
    assert await node.status() is Status.PENDING
    await second.start()
    await hub.advance(10)
    assert await node.result() == "awake"
    await second.stop()
    await hub.close()
