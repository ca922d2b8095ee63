"""Events: kept from arrival to consumption, first in first out per name, consumed once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from perdure._replay.event_buffer import EventBuffer
from perdure._replay.loop import WorkflowLoop
from perdure.spi.history import BufferedEvent
from tests.replay.stage import act, event, this

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_events_of_a_name_come_in_order(begin: Begin) -> None:
    async def run() -> Any:
        return [await event("go") for _ in range(3)]

    assert begin(run).send("go", 1).send("go", 2).send("go", 3).result == [1, 2, 3]


def test_an_event_is_kept_until_it_is_waited_for(begin: Begin) -> None:
    async def run() -> Any:
        await act("a")
        return [await event("late"), await event("early"), await event("early")]

    stage = begin(run).send("early", 1).send("early", 2).send("late", 3)

    assert stage.complete("a").result == [3, 1, 2]


def test_names_do_not_mix(begin: Begin) -> None:
    async def run() -> Any:
        return await event("go")

    stage = begin(run).send("gone", 1).send("go.", 2)

    assert stage.executor.open_waits() == ["go"]
    assert stage.send("go", 3).result == 3


def test_the_longest_wait_is_served_first(begin: Begin) -> None:
    async def run() -> Any:
        return await asyncio.gather(event("go"), event("go"))

    assert begin(run).send("go", 1).send("go", 2).result == [1, 2]


def test_a_wait_that_timed_out_consumes_nothing(begin: Begin) -> None:
    async def run() -> Any:
        try:
            async with asyncio.timeout(5):
                await event("go")
        except TimeoutError:
            await act("a")
        return await event("go")

    stage = begin(run).advance(5)
    assert stage.executor.open_waits() == []

    assert stage.send("go", 1).complete("a").result == 1


def test_an_event_in_the_instant_of_the_timeout_is_kept_for_the_next_wait(begin: Begin) -> None:
    async def run() -> Any:
        try:
            async with asyncio.timeout(5):
                return await event("go")
        except TimeoutError:
            return ["next", await event("go")]

    assert begin(run).send("go", 1, after=5).result == ["next", 1]


def test_a_cancelled_wait_leaves_the_event_to_another(begin: Begin) -> None:
    async def run() -> Any:
        first = asyncio.create_task(event("go"))
        second = asyncio.create_task(event("go"))
        await act("a")
        first.cancel()
        return await second

    assert begin(run).complete("a").send("go", 1).result == 1


def buffered_waits(begin: Begin, *, waits: int) -> tuple[WorkflowLoop, EventBuffer, list[Any]]:
    """Return a buffer in which an event has just come for the first of some waits."""
    loop = WorkflowLoop(begin(lambda: event("x")).executor)  # type: ignore[abstract]
    buffer = EventBuffer(loop)
    tasks = [loop.create_task(buffer.take("go")) for _ in range(waits)]
    loop.run_until_idle()
    buffer.put("go", "1")
    tasks[0].cancel()
    loop.run_until_idle()
    return loop, buffer, tasks


def test_an_event_that_met_a_cancelled_wait_goes_to_the_next_wait(begin: Begin) -> None:
    _, buffer, tasks = buffered_waits(begin, waits=2)

    assert tasks[0].cancelled()
    assert tasks[1].result() == "1"
    assert buffer.unconsumed() == ()


def test_an_event_that_met_a_cancelled_wait_goes_back_to_the_front(begin: Begin) -> None:
    loop, buffer, tasks = buffered_waits(begin, waits=1)
    buffer.put("go", "2")

    assert tasks[0].cancelled()
    assert [kept.payload for kept in buffer.unconsumed()] == ["1", "2"]
    next_wait = loop.create_task(buffer.take("go"))
    loop.run_until_idle()
    assert next_wait.result() == "1"


def test_names_used_once_are_forgotten(begin: Begin) -> None:
    async def run() -> Any:
        for number in range(0, 200, 2):
            await event(f"waited-for-{number}")
            await event(f"kept-{number}")
        return await act("a")

    stage = begin(run, is_checked=False)
    for number in range(0, 200, 2):
        stage.send(f"kept-{number}").send(f"waited-for-{number}")
    buffer = stage.executor._events

    assert stage.open == ["a"]
    assert (buffer._events, buffer._waits) == ({}, {})


def test_every_falsy_payload_survives(begin: Begin) -> None:
    values: list[Any] = [None, 0, False, "", [], {}]

    async def run() -> Any:
        return [await event("go") for _ in values]

    stage = begin(run)
    for value in values:
        stage.send("go", value)
    assert stage.result == values


def test_open_waits_are_told_once_per_name_and_sorted(begin: Begin) -> None:
    async def run() -> Any:
        await asyncio.gather(event("b"), event("a"), event("b"))

    assert begin(run).executor.open_waits() == ["a", "b"]


def test_what_a_run_carries_comes_before_what_arrives(begin: Begin) -> None:
    async def run() -> Any:
        await act("a")
        return [await event("go") for _ in range(3)]

    carried = tuple(BufferedEvent(name="go", payload=str(i)) for i in range(2))
    stage = begin(run, carried=carried).send("go", 2)

    assert stage.complete("a").result == [0, 1, 2]


def test_what_is_not_consumed_is_carried_in_the_order_of_arrival(begin: Begin) -> None:
    async def run() -> Any:
        await event("b")
        this().continue_as_new(lambda: "{}")

    stage = begin(run).send("a", 1).send("c", 2).send("a", 3).send("b", 4)

    assert [(e.name, e.payload) for e in stage.next_run.carried] == [
        ("a", "1"),
        ("c", "2"),
        ("a", "3"),
    ]
