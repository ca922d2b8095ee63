"""The journal that is projected from a scheduler's history is the one the worker recorded."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.spi import Resumed, Suspended
from perdure.spi.bridge import Bridge
from perdure.spi.bridge.retained import RetainedRuns
from perdure.testing.hub import BackendHub
from tests.soak import either

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.spi import HistoryEvent
    from perdure.testing import BackendTarget

pytestmark = [pytest.mark.timeout(180), pytest.mark.soak]

registry = perdure.Registry()
_PROGRAMS = either(12, soak=200)
_ROOT_HEADER = "perdure-root"
_AGAIN = perdure.RetryPolicy(max_attempts=3, initial_interval=timedelta(seconds=0.2))


@registry.activity(name="projected_add")
async def add(a: int, b: int) -> int:
    return a + b


@registry.activity(name="projected_flaky", retry=_AGAIN)
async def flaky(fails: int) -> int:
    if perdure.current_activity().attempt <= fails:
        raise KeyError("again")
    return 1


@registry.workflow(name="projected_leaf")
async def leaf(value: int) -> int:
    return await add(1, value)


@registry.workflow(name="projected_waiter")
async def waiter() -> None:
    await perdure.wait_for_event("never")


@registry.workflow(name="projected_mix")
async def mix(key: str) -> list[Any]:
    sums = await asyncio.gather(*(add(number, 1) for number in range(4)))
    async with asyncio.timeout(5):
        await flaky(2)
    await asyncio.sleep(0.2)
    heard = [await perdure.wait_for_event("go", int) for _ in range(5)]
    children = [
        perdure.start_child(leaf.bind(1)),
        perdure.start_child(leaf.bind(2), instance_id=f"{key}-c"),
        perdure.start_child(leaf.bind(3), on_parent_end="abandon"),
    ]
    perdure.start_child(waiter.bind(), instance_id=f"{key}-w")
    answers = [await child.result() for child in children]
    racing = [asyncio.ensure_future(add(number, number)) for number in range(5)]
    await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
    last = asyncio.ensure_future(add(100, 1))
    await asyncio.wait([last], timeout=0)
    return [1e-7, sums, heard, answers]


@registry.workflow(name="projected_race")
async def race(width: int) -> int:
    async def two(number: int) -> int:
        return await add(await add(number, 1), 1)

    tasks = [asyncio.ensure_future(two(number)) for number in range(width)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return len(done)


@registry.workflow(name="projected_program")
async def program(key: str, seed: int) -> list[Any]:
    """Do what a seed says: any mix of what workflows can do, in any order."""
    chance = random.Random(seed)
    seen: list[Any] = []
    for number in range(chance.randint(2, 6)):
        match chance.randrange(7):
            case 0:
                seen.append(await add(number, 1))
            case 1:
                width = chance.randint(1, 5)
                seen.append(await asyncio.gather(*(add(each, 1) for each in range(width))))
            case 2:
                await asyncio.sleep(chance.uniform(0, 0.1))
            case 3:
                seen.append(await flaky(chance.randint(0, 2)))
            case 4:
                child_id = f"{key}-{number}" if chance.random() < 0.5 else None
                child = perdure.start_child(leaf.bind(number), instance_id=child_id)
                seen.append(await child.result())
            case 5:
                seen.append(await perdure.wait_for_event("go", int))
            case _:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(chance.uniform(0, 0.05)):
                        seen.append(await add(number, 2))
        perdure.set_custom_status({"at": number, "seen": len(seen)})
    return seen


@pytest.fixture
def hub(backend_target: BackendTarget) -> Iterator[BackendHub]:
    with BackendHub(backend_target, registry) as hub:
        hub.run_worker()
        yield hub


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[HistoryEvent]]:
    """Return the journals of runs that ended in this process, by instance."""
    journals: dict[str, list[HistoryEvent]] = {}
    end = Bridge.end

    def keep(self: Bridge, instance_id: str, run: Any) -> None:
        journals[instance_id] = run.journal
        end(self, instance_id, run)

    monkeypatch.setattr(Bridge, "end", keep)
    return journals


@pytest.mark.parametrize("is_held", [False, True], ids=["free", "held"])
def test_it_is_the_recorded_one_entry_for_entry(
    hub: BackendHub, recorded: dict[str, list[HistoryEvent]], is_held: bool
) -> None:
    key = hub.new_id()
    handle = hub.start(mix, key)
    races = [hub.start(race, 8) for _ in range(6)]
    if is_held:
        handle.suspend(reason="lunch")
    for number in range(5):
        handle.raise_event("go", number)
    if is_held:
        time.sleep(0.5)
        handle.resume()
    for each in (handle, *races):
        hub.result(each)
        projected = list(each.history())
        told = [event for event in projected if not isinstance(event, Suspended | Resumed)]
        assert told == [_without_root(event) for event in recorded[each.instance_id]]
        assert is_held == (told != projected) or each is not handle
        hub.replay(each)


@pytest.mark.parametrize("is_retained", [True, False], ids=["retained", "replayed"])
def test_it_is_the_recorded_one_for_any_program(
    hub: BackendHub,
    recorded: dict[str, list[HistoryEvent]],
    is_retained: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not is_retained:
        keep_nothing(monkeypatch)
        hub.run_worker()
    first = random.SystemRandom().randrange(1_000_000)
    print(f"seeds from {first}")  # noqa: T201 - to find it again
    handles = {}
    for seed in range(first, first + _PROGRAMS):
        key = hub.new_id()
        handles[seed] = handle = hub.start(program, key, seed, instance_id=key)
        for number in range(6):
            with contextlib.suppress(perdure.InstanceFinishedError):
                handle.raise_event("go", number)
    for seed, handle in handles.items():
        hub.result(handle)
        told = list(handle.history())
        assert told == [_without_root(event) for event in recorded[handle.instance_id]], seed
        hub.replay(handle)


def keep_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers go through the whole history with each turn."""
    begin = RetainedRuns.__init__

    def begin_without(self: RetainedRuns, *, limit: int) -> None:
        begin(self, limit=limit * 0)

    monkeypatch.setattr(RetainedRuns, "__init__", begin_without)


def _without_root(event: HistoryEvent) -> HistoryEvent:
    """Return an entry as clients see it: without the header that only payloads need."""
    headers = getattr(event, "headers", None)
    if not headers:
        return event
    kept = {name: value for name, value in headers.items() if name != _ROOT_HEADER}
    changed: HistoryEvent = replace(event, headers=kept)  # type: ignore[call-arg]  # it has some
    return changed
