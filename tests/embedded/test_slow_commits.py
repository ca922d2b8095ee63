"""Commits that have to wait their turn: what happens meanwhile is neither lost nor done twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

registry = Registry()
runs: Counter[str] = Counter()
gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    runs.clear()
    gates.clear()
    gates.update(fast=asyncio.Event(), slow=asyncio.Event())


@registry.activity
async def note(name: str) -> str:
    runs[name] += 1
    if name in gates:
        await gates[name].wait()
    return name


@registry.workflow
async def race(round: int) -> str:
    done, _ = await asyncio.wait(
        [asyncio.create_task(note("fast")), asyncio.create_task(note("slow"))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    winner = done.pop().result()
    if round == 0:
        perdure.continue_as_new(round=1)
    return winner


@registry.workflow
async def chain() -> list[str]:
    return [await note("fast"), await note("slow"), await note("last")]


async def raced(hub: Hub, workflow: str, **arguments: int) -> tuple[Node, Node]:
    node = await hub.open(registry)
    rival = await hub.open()
    await node.start(workflow, arguments=arguments)
    while not runs["fast"]:
        await asyncio.sleep(0)
    rival.engine.store.connection.execute("BEGIN IMMEDIATE")
    return node, rival


async def test_a_result_that_comes_while_the_end_of_the_run_waits_is_dropped(hub: Hub) -> None:
    node, rival = await raced(hub, "race", round=0)
    gates["fast"].set()
    await asyncio.sleep(0.01)
    gates["slow"].set()
    await asyncio.sleep(0.01)
    assert runs == {"fast": 1, "slow": 1}
    rival.engine.store.connection.execute("ROLLBACK")
    assert await node.result() == "fast"
    await hub.settle()
    assert runs == {"fast": 2, "slow": 2}
    assert node.engine.residents.lives == {}
    await hub.close()


async def test_nothing_follows_from_a_result_before_it_is_committed(hub: Hub) -> None:
    node, rival = await raced(hub, "chain")
    gates["fast"].set()
    await asyncio.sleep(0.02)
    assert runs == {"fast": 1}
    assert await node.kinds() == ["WorkflowStarted", "ActivityScheduled"]
    rival.engine.store.connection.execute("ROLLBACK")
    gates["slow"].set()
    assert await node.result() == ["fast", "slow", "last"]
    assert runs == {"fast": 1, "slow": 1, "last": 1}
    await hub.close()


async def test_a_crash_while_a_commit_waits_repeats_only_what_was_not_committed(hub: Hub) -> None:
    node, rival = await raced(hub, "chain")
    gates["fast"].set()
    await asyncio.sleep(0.01)
    node.crash()
    rival.engine.store.connection.execute("ROLLBACK")
    gates["slow"].set()
    second = await hub.open(registry)
    assert await second.result() == ["fast", "slow", "last"]
    assert runs == {"fast": 2, "slow": 1, "last": 1}
    await hub.close()
