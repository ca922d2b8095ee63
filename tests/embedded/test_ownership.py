"""Several engines on one file: each instance is advanced by one of them at a time."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub

registry = Registry()
runs: Counter[str] = Counter()
gate = asyncio.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    runs.clear()
    gate.set()


@registry.activity
async def note(name: str) -> str:
    runs[name] += 1
    return name


@registry.workflow
async def wait_twice(name: str) -> str:
    await perdure.wait_for_event("go")
    await note(name)
    await perdure.wait_for_event("go")
    return name


@registry.workflow
async def nap(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "awake"


other = Registry()


@other.workflow
async def elsewhere() -> str:
    return "done elsewhere"


async def test_an_event_raised_in_one_process_wakes_the_owner_in_another(hub: Hub) -> None:
    owner = await hub.open(registry)
    client = await hub.open()
    await owner.start("wait_twice", arguments={"name": "n"})
    await hub.settle()
    await client.event("go")
    await client.event("go")
    assert await client.result() == "n"
    assert runs["n"] == 1
    await hub.close()


async def test_an_instance_started_by_a_client_is_taken_by_a_worker(hub: Hub) -> None:
    await hub.open(registry)
    client = await hub.open()
    await client.start("nap", arguments={"seconds": 0})
    assert await client.result() == "awake"
    await hub.close()


async def test_an_instance_of_a_workflow_unknown_here_stays_for_who_knows_it(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    client = await hub.open()
    await client.start("elsewhere")
    with caplog.at_level(logging.WARNING):
        await hub.open(registry)
        await hub.settle()
    assert await client.status() is Status.PENDING
    assert "elsewhere" in caplog.text
    await hub.open(other)
    assert await client.result() == "done elsewhere"
    await hub.close()


async def test_two_workers_never_both_advance_an_instance(hub: Hub) -> None:
    client = await hub.open()
    ids = [f"i{n}" for n in range(100)]
    for id in ids:
        await client.start("wait_twice", id, arguments={"name": id})
        await client.event("go", instance_id=id)
        await client.event("go", instance_id=id)
    await asyncio.gather(hub.open(registry), hub.open(registry))
    assert [await client.result(id) for id in ids] == ids
    assert set(runs.values()) == {1}
    await hub.close()


async def test_a_fenced_engine_commits_nothing_and_begins_anew(hub: Hub) -> None:
    owner = await hub.open(registry)
    await owner.start("wait_twice", arguments={"name": "n"})
    await hub.settle()
    stale_id = owner.engine.members.id
    # What another process does when it takes this one for dead.
    rival = await hub.open(registry)
    with rival.engine.transaction() as tx:
        tx.execute("DELETE FROM workers WHERE id = ?", (stale_id,))
        tx.execute("UPDATE instances SET owner = ?", (rival.engine.members.id,))
    await owner.start("nap", "j", arguments={"seconds": 0})
    assert await owner.result("j") == "awake"
    assert owner.engine.members.id not in {0, stale_id}
    assert not [live for live in owner.engine.residents.lives.values() if live.run.pk == 1]
    assert await owner.kinds() == ["WorkflowStarted"]
    await hub.close()


async def test_a_full_cache_gives_idle_instances_back_and_takes_them_again(hub: Hub) -> None:
    node = await hub.open(registry, "?max_cached=4")
    ids = [f"i{n}" for n in range(20)]
    for id in ids:
        await node.start("wait_twice", id, arguments={"name": id})
    await hub.settle()
    assert len(node.engine.residents.lives) <= 4
    assert {await node.status(id) for id in ids} == {Status.RUNNING}
    for _ in range(2):
        for id in ids:
            await node.event("go", instance_id=id)
    assert [await node.result(id) for id in ids] == ids
    assert set(runs.values()) == {1}
    await hub.close()


async def test_timers_of_unloaded_instances_still_fire(hub: Hub) -> None:
    node = await hub.open(registry, "?max_cached=2")
    ids = [f"i{n}" for n in range(10)]
    for n, id in enumerate(ids):
        await node.start("nap", id, arguments={"seconds": 10 + n})
    await hub.advance(14.5)
    done = [id for id in ids if await node.status(id) is Status.COMPLETED]
    assert done == ids[:5]
    await hub.advance(5)
    assert [await node.result(id) for id in ids] == ["awake"] * 10
    await hub.close()
