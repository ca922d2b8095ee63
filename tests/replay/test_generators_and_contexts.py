"""Asynchronous generators, context managers and context variables in a workflow."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import weakref
from typing import TYPE_CHECKING, Any

from tests.replay.stage import act

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.replay.conftest import Begin

_who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")


def test_an_async_generator_may_await_activities(begin: Begin) -> None:
    async def pages() -> AsyncIterator[Any]:
        for name in "abc":
            yield await act(name)

    async def run() -> Any:
        return [page async for page in pages()]

    assert begin(run).complete("a", 1).complete("b", 2).complete("c", 3).result == [1, 2, 3]


def test_a_generator_that_is_closed_runs_its_finally(begin: Begin) -> None:
    async def pages() -> AsyncIterator[Any]:
        try:
            while True:
                yield await act("page")
        finally:
            await act("release")

    async def run() -> Any:
        async with contextlib.aclosing(pages()) as stream:  # type: ignore[type-var]
            return await anext(stream)

    stage = begin(run).complete("page", 1)

    assert stage.new_commands == ["release"]
    assert stage.complete("release").result == 1


def test_a_generator_that_is_only_dropped_does_nothing_more(begin: Begin) -> None:
    # When the collector would come to it, no replay could know.
    async def pages() -> AsyncIterator[Any]:
        try:
            while True:
                yield await act("page")
        finally:
            await act("release")

    async def run() -> Any:
        return await anext(pages())

    stage = begin(run).complete("page", 1)

    assert stage.commands == ["page", "Completed"]


def test_an_async_context_manager_may_await_activities(begin: Begin) -> None:
    @contextlib.asynccontextmanager
    async def lease() -> AsyncIterator[Any]:
        yield await act("take")
        await act("give back")

    async def run() -> Any:
        async with lease() as held:
            return held

    stage = begin(run).complete("take", 7)

    assert stage.new_commands == ["give back"]
    assert stage.complete("give back").result == 7


def test_a_task_has_a_context_of_its_own(begin: Begin) -> None:
    async def part() -> str:
        _who.set("part")
        await act("a")
        return _who.get()

    async def run() -> Any:
        _who.set("main")
        task = asyncio.create_task(part())
        return [await task, _who.get()]

    assert begin(run).complete("a").result == ["part", "main"]


def test_a_workflow_sees_nothing_of_the_hosts_context(begin: Begin) -> None:
    async def run() -> Any:
        return _who.get()

    token = _who.set("host")
    try:
        assert begin(run).result == "nobody"
    finally:
        _who.reset(token)


def test_a_context_lives_on_from_event_to_event(begin: Begin) -> None:
    async def run() -> Any:
        token = _who.set("main")
        await act("a")
        seen = _who.get()
        _who.reset(token)
        return [seen, _who.get()]

    assert begin(run).complete("a").result == ["main", "nobody"]


def test_a_task_can_be_given_a_context(begin: Begin) -> None:
    async def part() -> str:
        await act("a")
        return _who.get()

    async def run() -> Any:
        context = contextvars.copy_context()
        context.run(_who.set, "given")
        return await asyncio.create_task(part(), context=context)

    assert begin(run).complete("a").result == "given"


def test_a_task_factory_of_the_workflows_own_is_used(begin: Begin) -> None:
    made: list[str] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def run() -> Any:
        asyncio.get_running_loop().set_task_factory(factory)
        return await asyncio.create_task(act("a"), name="mine")

    stage = begin(run, is_checked=False).complete("a", 1)

    assert stage.result == 1
    assert made == ["act"]


def test_generators_that_have_ended_are_let_go(begin: Begin) -> None:
    async def one() -> AsyncIterator[int]:
        yield 1

    async def run() -> Any:
        begun: list[weakref.ref[Any]] = []
        for _ in range(1_000):
            generator = one()
            begun.append(weakref.ref(generator))
            async for _ in generator:
                pass
        return sum(reference() is not None for reference in begun) < 100

    assert begin(run).result is True
