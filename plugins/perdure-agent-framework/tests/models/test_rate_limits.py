"""Rate limits, on a clock that the tests move."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

import perdure
from models.asking import agent_of, app_asking, client_of
from perdure import RetryPolicy
from perdure.testing import ManualClock, run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.catalogue import Catalogue
from perdure_agent_framework.models.rate_limits import RateLimiter, slot_of
from perdure_agent_framework.policies import ModelPolicy, Policies, RateLimit


class Calls:
    """Calls of a model that end when they are told to."""

    def __init__(self, **limit: int) -> None:
        self.clock = ManualClock()
        self.limiter = RateLimiter(RateLimit(**limit), self.clock)
        self.begun: list[int] = []
        self._ends: dict[int, asyncio.Event] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def arrive(self, *numbers: int, tokens: int = 0) -> None:
        for number in numbers:
            self._ends[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._call(number, tokens))
        await self.settle()

    async def end(self, *numbers: int) -> None:
        for number in numbers:
            self._ends[number].set()
        await self.settle()

    def end_soon(self, number: int) -> None:
        """End a call without waiting for what follows."""
        self._ends[number].set()

    async def give_up(self, number: int) -> None:
        self._tasks[number].cancel()
        await self.settle()

    async def pass_seconds(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now_us() + int(seconds * 1_000_000))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)

    async def _call(self, number: int, tokens: int) -> None:
        async with self.limiter.slot() as slot:
            self.begun.append(number)
            await self._ends[number].wait()
            slot.used(tokens)


async def test_so_many_calls_begin_in_any_minute() -> None:
    calls = Calls(requests_per_minute=2)
    await calls.arrive(1)
    await calls.pass_seconds(30)
    await calls.arrive(2, 3, 4)
    assert calls.begun == [1, 2]
    await calls.pass_seconds(29)
    assert calls.begun == [1, 2]
    await calls.pass_seconds(1)
    assert calls.begun == [1, 2, 3]
    await calls.pass_seconds(30)
    assert calls.begun == [1, 2, 3, 4]


async def test_so_many_calls_run_at_once_in_the_order_they_came() -> None:
    calls = Calls(concurrency=2)
    await calls.arrive(1, 2, 3, 4, 5)
    assert calls.begun == [1, 2]
    await calls.end(2)
    assert calls.begun == [1, 2, 3]
    await calls.end(1, 3)
    assert calls.begun == [1, 2, 3, 4, 5]


async def test_who_comes_at_the_right_moment_does_not_overtake() -> None:
    calls = Calls(concurrency=1)
    await calls.arrive(1, 2)
    calls.end_soon(1)
    await calls.arrive(3)
    assert calls.begun == [1, 2]


async def test_calls_wait_while_the_minute_before_has_used_up_the_tokens() -> None:
    calls = Calls(tokens_per_minute=100)
    await calls.arrive(1, tokens=60)
    await calls.end(1)
    await calls.pass_seconds(10)
    await calls.arrive(2, tokens=60)
    await calls.end(2)
    await calls.arrive(3)
    assert calls.begun == [1, 2]
    await calls.pass_seconds(50)
    assert calls.begun == [1, 2, 3]


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    calls = Calls(concurrency=1)
    await calls.arrive(1, 2, 3)
    await calls.give_up(2)
    await calls.end(1)
    assert calls.begun == [1, 3]


async def test_a_call_that_fails_makes_room() -> None:
    limiter = RateLimiter(RateLimit(concurrency=1), ManualClock())
    with pytest.raises(ValueError, match="no answer"):
        async with limiter.slot():
            raise ValueError("no answer")
    async with asyncio.timeout(5), limiter.slot():
        pass


async def test_limits_are_per_model_and_shared_by_the_agents_of_an_app() -> None:
    app = perdure.App("limits")
    catalogue = Catalogue(app)
    one = ModelPolicy(rate_limit=RateLimit(concurrency=1))
    catalogue.policies = Policies(models={"a": one, "b": one})
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(slot_of(catalogue, "a"))
        await stack.enter_async_context(slot_of(catalogue, "b"))
        await stack.enter_async_context(slot_of(catalogue, "unlimited"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), slot_of(catalogue, "a"):
                pass


async def test_a_wait_for_a_limit_is_not_part_of_an_attempts_time() -> None:
    policy = ModelPolicy(
        rate_limit=RateLimit(concurrency=1),
        timeout=timedelta(seconds=0.5),
        retry=RetryPolicy.none(),
    )
    async with ScriptedModel([when().says("hello").after(0.2)]) as model:
        app = app_asking(agent_of(client_of(model.url)), Policies(model=policy))
        async with run_in_memory(app) as env:
            handles = [await env.client.start("ask", "hi") for _ in range(5)]
            said = await asyncio.gather(*(handle.result() for handle in handles))
    assert said == ["hello"] * 5
