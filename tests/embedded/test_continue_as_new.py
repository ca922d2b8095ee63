from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.errors import InstanceNotFoundError
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub

registry = Registry()
runs: Counter[str] = Counter()
gate = asyncio.Event()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    global gate
    runs.clear()
    gate = asyncio.Event()


@registry.activity
async def slow(round: int) -> int:
    runs[f"slow{round}"] += 1
    if round == 0:
        await gate.wait()
    return round


@registry.workflow
async def count(number: int, until: int) -> int:
    if number < until:
        perdure.continue_as_new(number=number + 1, until=until)
    return number


@registry.workflow
async def collect(seen: list[str]) -> list[str]:
    while len(seen) < 3:
        seen.append(await perdure.wait_for_event("word", str))
        if len(seen) < 3:
            perdure.continue_as_new(seen=seen)
    return seen


@registry.workflow
async def impatient(round: int) -> int:
    open_one = asyncio.create_task(slow(round))
    if round == 0:
        await perdure.wait_for_event("go")
        perdure.continue_as_new(round=1)
    return await open_one


async def test_each_run_has_an_id_and_a_journal_of_its_own(hub: Hub) -> None:
    node = await hub.open(registry)
    first = await node.start("count", arguments={"number": 0, "until": 2})
    assert await node.result() == 2
    last = await node.finished()
    assert last.run_id != first.run_id
    assert last.input_json == '{"number":2,"until":2}'
    assert await node.kinds() == ["WorkflowStarted", "Completed"]
    old = await node.backend.history("i", run_id=first.run_id)
    assert [type(event).__name__ for event in old] == ["WorkflowStarted", "ContinuedAsNew"]
    await hub.close()


async def test_only_the_last_ten_runs_are_kept(hub: Hub) -> None:
    node = await hub.open(registry)
    first = await node.start("count", arguments={"number": 0, "until": 25})
    assert await node.result() == 25
    with pytest.raises(InstanceNotFoundError):
        await node.backend.history("i", run_id=first.run_id)
    rows = node.engine.store.connection.execute("SELECT DISTINCT run_number FROM journal")
    assert [number for (number,) in rows] == list(range(17, 27))
    await hub.close()


async def test_events_not_consumed_travel_on(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("collect", arguments={"seen": []})
    for word in ("one", "two", "three"):
        await node.event("word", word)
    assert await node.result() == ["one", "two", "three"]
    await hub.close()


async def test_events_travel_on_over_a_crash_between_the_runs(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("collect", arguments={"seen": []})
    await hub.settle()
    for word in ("one", "two"):
        await node.event("word", word)
    node.crash()
    second = await hub.open(registry)
    await second.event("word", "three")
    assert await second.result() == ["one", "two", "three"]
    await hub.close()


async def test_a_result_of_the_run_before_is_dropped(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("impatient", arguments={"round": 0})
    while not runs["slow0"]:
        await asyncio.sleep(0)
    await node.event("go")
    assert await node.result() == 1
    gate.set()
    await hub.settle()
    assert runs == {"slow0": 1, "slow1": 1}
    assert await node.status() is Status.COMPLETED
    await hub.close()
