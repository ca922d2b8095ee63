"""What is left after an engine ends without a word, and who goes on with it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import perdure
from perdure import Registry, RetryPolicy
from perdure.embedded import backup
from perdure.embedded.loading import Loader
from perdure.types import Status
from tests.embedded.hub import Hub

registry = Registry()
runs: Counter[str] = Counter()
gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    runs.clear()
    gates.clear()


@registry.activity
async def note(name: str) -> str:
    runs[name] += 1
    if name in gates:
        await gates[name].wait()
    return name


@registry.activity(delivery="at_most_once", retry=RetryPolicy.none())
async def pay(name: str) -> str:
    runs[name] += 1
    if name in gates:
        await gates[name].wait()
    return name


@registry.workflow
async def three() -> list[str]:
    return [await note("a"), await note("b"), await note("c")]


@registry.workflow
async def nap() -> str:
    await asyncio.sleep(100)
    return await note("after")


@registry.workflow
async def pay_once() -> str:
    try:
        return await pay("p")
    except perdure.ActivityOutcomeUnknownError:
        return "unknown"


@registry.workflow
async def two_events() -> list[str]:
    return [await perdure.wait_for_event("e", str), await perdure.wait_for_event("e", str)]


async def test_a_finished_activity_is_not_run_again_and_an_open_one_is(hub: Hub) -> None:
    gates["b"] = asyncio.Event()
    first = await hub.open(registry)
    await first.start("three")
    while not runs["b"]:
        await asyncio.sleep(0)
    first.crash()
    gates["b"].set()
    second = await hub.open(registry)
    assert await second.result() == ["a", "b", "c"]
    assert runs == {"a": 1, "b": 2, "c": 1}
    await hub.close()


async def test_a_peer_that_is_alive_takes_over_from_the_dead(hub: Hub) -> None:
    gates["b"] = asyncio.Event()
    first = await hub.open(registry)
    second = await hub.open(registry)
    await first.start("three")
    while not runs["b"]:
        await asyncio.sleep(0)
    gates["b"].set()
    first.crash()
    assert await second.result() == ["a", "b", "c"]
    assert runs["a"] == 1
    await hub.close()


async def test_a_timer_keeps_its_instant_over_a_crash(hub: Hub) -> None:
    first = await hub.open(registry)
    await first.start("nap")
    await hub.advance(60)
    first.crash()
    second = await hub.open(registry)
    await hub.advance(39)
    assert await second.status() is Status.RUNNING
    await hub.advance(1)
    assert await second.result() == "after"
    await hub.close()


async def test_a_timer_that_came_due_while_nobody_ran_fires_at_once(hub: Hub) -> None:
    first = await hub.open(registry)
    await first.start("nap")
    await hub.settle()
    first.crash()
    await hub.advance(1000)
    second = await hub.open(registry)
    assert await second.result() == "after"
    await hub.close()


async def test_an_at_most_once_activity_is_not_run_again(hub: Hub) -> None:
    gates["p"] = asyncio.Event()
    first = await hub.open(registry)
    await first.start("pay_once")
    while not runs["p"]:
        await asyncio.sleep(0)
    first.crash()
    gates["p"].set()
    second = await hub.open(registry)
    assert await second.result() == "unknown"
    assert runs["p"] == 1
    await hub.close()


@pytest.mark.parametrize("workflow", ["pay_once", "three"])
async def test_a_hold_that_comes_while_an_instance_is_loaded_starts_nothing_twice(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, workflow: str
) -> None:
    gates.update(p=asyncio.Event(), a=asyncio.Event())
    first = await hub.open(registry)
    await first.start(workflow)
    while not runs:
        await asyncio.sleep(0)
    if workflow == "three":
        await first.backend.suspend("i", reason="")
        while "Suspended" not in await first.kinds():
            await asyncio.sleep(0)
        gates["a"].set()  # the result arrives on hold, and is kept
        await hub.settle()
    first.crash()
    gates["p"].set()
    client = await hub.open()
    if workflow == "three":
        await client.backend.resume("i", reason="")
    slowly(monkeypatch)
    second = await hub.open(registry)
    while not second.engine.residents.loading:
        await asyncio.sleep(0.001)
    await client.backend.suspend("i", reason="")
    second.engine._loader._load_some()
    await hub.settle()
    assert runs["a"] + runs["p"] == 1
    await client.backend.resume("i", reason="")
    assert await client.result() == ("unknown" if workflow == "pay_once" else ["a", "b", "c"])
    assert runs["a"] + runs["p"] == 1
    await hub.close()


def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load nothing before it is asked for by hand."""
    load_some = Loader._load_some

    def once(loader: Loader) -> None:
        monkeypatch.setattr(Loader, "_load_some", load_some)

    monkeypatch.setattr(Loader, "_load_some", once)


async def test_events_are_taken_once_in_order_over_crashes(hub: Hub) -> None:
    first = await hub.open(registry)
    await first.start("two_events")
    await first.event("e", "one")
    await hub.settle()
    first.crash()
    client = await hub.open()
    await client.event("e", "two")
    await client.event("e", "three")
    await hub.open(registry)
    assert await client.result() == ["one", "two"]
    kinds = await client.kinds()
    assert kinds.count("EventReceived") in {2, 3}
    await hub.close()


async def test_what_a_crash_left_uncommitted_is_done_again(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("three")
    node.crash()
    second = await hub.open(registry)
    assert await second.result() == ["a", "b", "c"]
    await hub.close()


async def test_a_backup_made_while_it_runs_carries_on_from_there(hub: Hub) -> None:
    gates["b"] = asyncio.Event()
    node = await hub.open(registry)
    await node.start("three")
    while not runs["b"]:
        await asyncio.sleep(0)
    copy = Hub(hub.path.parent / "copy")
    copy.path.parent.mkdir()
    await asyncio.to_thread(backup, hub.path, copy.path)
    gates["b"].set()
    assert await node.result() == ["a", "b", "c"]
    other = await copy.open(registry)
    assert await other.result() == ["a", "b", "c"]
    assert runs == {"a": 1, "b": 2, "c": 2}
    await copy.close()
    await hub.close()
