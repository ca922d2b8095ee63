"""Queues, events, locks, semaphores and conditions between the tasks of a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.replay.stage import act

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_a_bounded_queue_holds_its_producer_back(begin: Begin) -> None:
    queue: asyncio.Queue[int]

    async def produce() -> None:
        for i in range(3):
            await queue.put(i)
            await act(f"put {i}")

    async def run() -> Any:
        nonlocal queue
        queue = asyncio.Queue(1)
        producer = asyncio.create_task(produce())
        await act("go")
        got = [await queue.get() for _ in range(3)]
        await producer
        return got

    stage = begin(run).complete("put 0")

    assert stage.open == ["go"]
    assert stage.complete("go").complete("put 1").complete("put 2").result == [0, 1, 2]


def test_an_event_between_tasks_wakes_all_that_wait(begin: Begin) -> None:
    async def part(flag: asyncio.Event, name: str) -> None:
        await flag.wait()
        await act(name)

    async def run() -> None:
        flag = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for name in "ab":
                group.create_task(part(flag, name))
            await act("go")
            flag.set()

    assert begin(run).complete("go").new_commands == ["a", "b"]


def test_a_lock_is_given_in_the_order_of_asking(begin: Begin) -> None:
    async def part(lock: asyncio.Lock, name: str) -> None:
        async with lock:
            await act(name)

    async def run() -> None:
        lock = asyncio.Lock()
        await asyncio.gather(*(part(lock, name) for name in "abc"))

    stage = begin(run)

    for name in "abc":
        assert stage.new_commands[:1] == [name]
        stage.complete(name)
    assert stage.result is None


def test_a_semaphore_limits_how_many_run_at_once(begin: Begin) -> None:
    async def part(semaphore: asyncio.Semaphore, name: str) -> None:
        async with semaphore:
            await act(name)

    async def run() -> None:
        semaphore = asyncio.Semaphore(2)
        await asyncio.gather(*(part(semaphore, name) for name in "abcd"))

    stage = begin(run)

    assert stage.open == ["a", "b"]
    assert stage.complete("b").open == ["a", "c"]
    assert stage.complete("a").complete("c").complete("d").result is None


def test_a_semaphore_turn_that_is_given_up_goes_to_the_next(begin: Begin) -> None:
    async def part(semaphore: asyncio.Semaphore, name: str) -> None:
        async with semaphore:
            await act(name)

    async def run() -> None:
        semaphore = asyncio.Semaphore(1)
        await semaphore.acquire()
        tasks = [asyncio.create_task(part(semaphore, name)) for name in "ab"]
        await act("go")
        semaphore.release()
        tasks[0].cancel()
        await tasks[1]

    stage = begin(run).complete("go")

    assert stage.new_commands == ["b"]
    assert stage.complete("b").result is None


def test_free_units_of_a_semaphore_are_all_given_at_once(begin: Begin) -> None:
    # As in Python 3.13; before, each who got one woke the next, a round of the loop later.
    order: list[str] = []

    async def part(semaphore: asyncio.Semaphore, name: str) -> None:
        await semaphore.acquire()
        order.append(name)

    async def tick() -> None:
        for _ in range(9):
            order.append("tick")
            await asyncio.sleep(0)

    async def run() -> None:
        semaphore = asyncio.Semaphore(0)
        first = asyncio.create_task(part(semaphore, "a"))
        await asyncio.sleep(0)
        later = [asyncio.create_task(part(semaphore, name)) for name in "bc"]
        for _ in range(3):
            semaphore.release()
        await asyncio.wait([first, *later, asyncio.create_task(tick())])

    begin(run, is_checked=False)

    assert order.index("c") == order.index("b") + 1


def test_a_condition_wakes_as_many_as_it_notifies(begin: Begin) -> None:
    async def part(condition: asyncio.Condition, name: str) -> None:
        async with condition:
            await condition.wait()
        await act(name)

    async def run() -> None:
        condition = asyncio.Condition()
        tasks = [asyncio.create_task(part(condition, name)) for name in "abc"]
        for _ in range(2):
            await act("go")
            async with condition:
                condition.notify(2)
        await asyncio.wait(tasks)

    stage = begin(run).complete("go")

    assert stage.new_commands == ["go", "a", "b"]
    assert stage.complete("go").new_commands == ["c"]


def test_a_notice_that_is_given_up_goes_to_another(begin: Begin) -> None:
    # As in Python 3.13; before, the notice was lost with the task that gave it up.
    async def part(condition: asyncio.Condition, name: str) -> None:
        async with condition:
            await condition.wait()
        await act(name)

    async def run() -> None:
        condition = asyncio.Condition()
        tasks = [asyncio.create_task(part(condition, name)) for name in "ab"]
        await act("go")
        async with condition:
            condition.notify()
        tasks[0].cancel()
        await tasks[1]

    stage = begin(run).complete("go")

    assert stage.new_commands == ["b"]
    assert stage.complete("b").result is None


def test_a_condition_waits_for_a_predicate(begin: Begin) -> None:
    async def run() -> Any:
        condition, stock = asyncio.Condition(), [0]

        async def restock() -> None:
            for _ in range(2):
                await act("restock")
                async with condition:
                    stock[0] += 1
                    condition.notify_all()

        task = asyncio.create_task(restock())
        async with condition:
            await condition.wait_for(lambda: stock[0] == 2)
        await task
        return stock[0]

    assert begin(run).complete("restock").complete("restock").result == 2


def test_a_lock_of_another_instance_fails_the_workflow(begin: Begin) -> None:
    lock = asyncio.Lock()

    async def run() -> None:
        async with lock:
            await asyncio.create_task(lock.acquire())

    first = begin(run, is_checked=False)
    second = begin(run, is_checked=False)

    assert second.failure.type == "perdure.errors.ForbiddenInWorkflowError"
    first.executor.close()
