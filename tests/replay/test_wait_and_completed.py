"""``asyncio.wait`` and ``as_completed`` in a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from perdure.errors import ForbiddenInWorkflowError
from perdure.types import type_name
from tests.replay.stage import act

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_wait_for_the_first_leaves_the_others_running(begin: Begin) -> None:
    async def run() -> Any:
        tasks = [asyncio.create_task(act(name)) for name in "ab"]
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return [[task.result() for task in done], len(rest)]

    stage = begin(run).complete("b", 2)

    assert stage.result == [[2], 1]


def test_wait_with_a_timeout_is_a_durable_timer(begin: Begin) -> None:
    async def run() -> Any:
        tasks = [asyncio.create_task(act(name)) for name in "ab"]
        done, rest = await asyncio.wait(tasks, timeout=10)
        return [len(done), len(rest)]

    stage = begin(run).complete("a", 1)

    # asyncio makes the timer as it begins to wait, before the new tasks have run.
    assert stage.commands == ["timer 10", "a", "b"]
    assert stage.advance(10).result == [1, 1]


def test_what_wait_returns_is_in_order_of_creation(begin: Begin) -> None:
    names = [f"n{i}" for i in range(50)]

    async def run() -> Any:
        tasks = {asyncio.create_task(act(name)) for name in names}
        await act("go")
        done, _ = await asyncio.wait(tasks)
        return [task.result() for task in done]

    stage = begin(run)
    for name in reversed(names):
        stage.complete(name, name)

    assert stage.complete("go").result == names


def test_as_completed_gives_results_in_the_order_they_come(begin: Begin) -> None:
    async def run() -> Any:
        return [await arrival for arrival in asyncio.as_completed([act("a"), act("b"), act("c")])]

    stage = begin(run)

    assert stage.commands == ["a", "b", "c"]
    assert stage.complete("c", 3).complete("a", 1).complete("b", 2).result == [3, 1, 2]


def test_as_completed_can_be_iterated_asynchronously_on_every_python(begin: Begin) -> None:
    async def run() -> Any:
        tasks = [asyncio.create_task(act(name)) for name in "ab"]
        arrivals: Any = asyncio.as_completed(tasks)
        return [tasks.index(task) async for task in arrivals]

    assert begin(run).complete("b").complete("a").result == [1, 0]


def test_the_timer_of_as_completed_starts_with_the_call(begin: Begin) -> None:
    # Before Python 3.13, asyncio started it with the first step of the iteration.
    async def run() -> Any:
        arrivals = asyncio.as_completed([act("a"), act("b")], timeout=5)
        await act("before")
        try:
            return [await arrival for arrival in arrivals]
        except TimeoutError:
            return "too late"

    stage = begin(run).complete("a", 1)

    assert stage.commands == ["timer 5", "before", "a", "b"]
    assert stage.advance(5).complete("before").result == "too late"


def test_as_completed_cancels_its_timer_when_all_have_come(begin: Begin) -> None:
    async def run() -> Any:
        for arrival in asyncio.as_completed([act("a")], timeout=5):
            await arrival
        return await act("b")

    stage = begin(run).complete("a")

    assert stage.executor.next_deadline_us() is None
    assert stage.complete("b", 2).result == 2


def test_as_completed_takes_no_single_awaitable(begin: Begin) -> None:
    async def run() -> Any:
        task = asyncio.create_task(asyncio.sleep(0))
        single: Any = task
        with pytest.raises(TypeError):
            list(asyncio.as_completed(single))
        return "refused"

    assert begin(run).result == "refused"


def test_as_completed_under_a_name_of_its_own_is_refused(begin: Begin) -> None:
    # Who imported it from asyncio before perdure has the one that starts in the order of addresses.
    unordered = asyncio.as_completed.__wrapped__  # type: ignore[attr-defined]

    async def run() -> None:
        parts = [act("a"), act("b")]
        try:
            next(unordered(parts))
        finally:
            for part in parts:
                part.close()

    failure = begin(run).failure

    assert failure.type == type_name(ForbiddenInWorkflowError)
    assert "as_completed" in failure.message
