"""The journal that is projected from a real sidecar's history is the one the worker recorded."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.spi import Resumed, Suspended
from perdure.spi.bridge import Bridge
from perdure.testing.hub import BackendHub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.spi import HistoryEvent
    from perdure.testing import BackendTarget

pytestmark = pytest.mark.timeout(120)

registry = perdure.Registry()
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
    return [1e-7, sums, heard, answers]  # a number that the SDK would write in another way


@registry.workflow(name="projected_race")
async def race(width: int) -> int:
    async def two(number: int) -> int:
        return await add(await add(number, 1), 1)

    tasks = [asyncio.ensure_future(two(number)) for number in range(width)]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return len(done)


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


def _without_root(event: HistoryEvent) -> HistoryEvent:
    """Return an entry as clients see it: without the header that only payloads need."""
    headers = getattr(event, "headers", None)
    if not headers:
        return event
    kept = {name: value for name, value in headers.items() if name != _ROOT_HEADER}
    changed: HistoryEvent = replace(event, headers=kept)  # type: ignore[call-arg]  # it has some
    return changed
