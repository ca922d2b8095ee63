"""Places: no more at once than there are, first come, first served."""

from __future__ import annotations

import asyncio

import pytest

from perdure._runner.slots import Slots


def test_there_must_be_a_place() -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        Slots(0)


async def test_no_more_at_once_than_there_are_places() -> None:
    slots = Slots(3)
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        await slots.take()
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        slots.give_back()

    await asyncio.gather(*(work() for _ in range(50)))

    assert (most, slots.free) == (3, 3)


async def test_who_waited_longest_is_next() -> None:
    slots = Slots(1)
    order: list[int] = []

    async def work(number: int) -> None:
        await slots.take()
        order.append(number)
        slots.give_back()

    await slots.take()
    waiting = [asyncio.create_task(work(number)) for number in range(5)]
    await asyncio.sleep(0)
    slots.give_back()
    assert not slots.try_take()  # it is the first waiter's already
    await asyncio.gather(*waiting)

    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("gives_first", [False, True])
async def test_a_cancelled_waiter_loses_no_place(gives_first: bool) -> None:
    slots = Slots(1)
    await slots.take()
    first, second = (asyncio.create_task(slots.take()) for _ in range(2))
    await asyncio.sleep(0)

    if gives_first:
        slots.give_back()
        first.cancel()
    else:
        first.cancel()
        slots.give_back()
    await asyncio.wait([first, second])

    assert first.cancelled()
    assert not second.cancelled()
    slots.give_back()
    assert slots.free == 1
