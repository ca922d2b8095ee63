"""Rate limits, on a clock that the tests move."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from agent_framework import Agent

import perdure
from models.asking import agent_of, app_asking, client_of
from perdure import RetryPolicy
from perdure.testing import ManualClock, run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.catalogue import Catalogue, catalogue_of
from perdure_agent_framework.models import rate_limits
from perdure_agent_framework.models.rate_limits import RateLimiter, slot_of
from perdure_agent_framework.policies import ModelPolicy, Policies, RateLimit
from perdure_agent_framework.registration import register


class Calls:
    """Calls of a model that end when they are told to."""

    def __init__(self, **limit: int) -> None:
        self.clock = ManualClock()
        self.limit = RateLimit(**limit)
        self.limiter = RateLimiter(self.clock)
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
        async with self.limiter.slot(self.limit) as slot:
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
    limiter, limit = RateLimiter(ManualClock()), RateLimit(concurrency=1)
    with pytest.raises(ValueError, match="no answer"):
        async with limiter.slot(limit):
            raise ValueError("no answer")
    async with asyncio.timeout(5), limiter.slot(limit):
        pass


async def test_each_call_waits_for_its_own_limit_of_what_all_use() -> None:
    limiter = RateLimiter(ManualClock())
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(limiter.slot(RateLimit(requests_per_minute=9)))
        await must_wait(limiter.slot(RateLimit(requests_per_minute=3)))
        await stack.enter_async_context(limiter.slot(RateLimit(requests_per_minute=4)))


async def test_a_stricter_limit_waits_until_enough_calls_are_a_minute_old() -> None:
    calls = Calls(requests_per_minute=9)
    for number in (1, 2, 3):
        await calls.arrive(number)
        await calls.pass_seconds(10)
    calls.limit = RateLimit(requests_per_minute=1)
    await calls.arrive(4)
    await calls.pass_seconds(49)
    assert calls.begun == [1, 2, 3]
    await calls.pass_seconds(1)
    assert calls.begun == [1, 2, 3, 4]


ONE = ModelPolicy(rate_limit=RateLimit(concurrency=1))
NOWHERE = "http://127.0.0.1:9/v1"


def catalogue_with(policies: Policies, **clients: Any) -> Catalogue:
    """Return the catalogue of an app with an agent for each client."""
    app = perdure.App("limits")
    agents = [Agent(client, name=name) for name, client in clients.items()]
    register(app, *agents, policies=policies)
    catalogue = catalogue_of(app)
    assert catalogue is not None
    return catalogue


async def must_wait(slot: AbstractAsyncContextManager[Any]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), slot:
            pass


async def test_agents_with_clients_of_their_own_share_the_limit_of_a_model() -> None:
    clients = {"a": client_of(NOWHERE), "b": client_of(NOWHERE), "other": client_of(NOWHERE + "/x")}
    catalogue = catalogue_with(Policies(model=ONE), **clients)
    async with slot_of(catalogue, "a", {}):
        await must_wait(slot_of(catalogue, "b", {}))
        async with slot_of(catalogue, "other", {}):
            pass
        async with slot_of(catalogue, "b", {"model": "another"}):
            pass


async def test_what_is_declared_for_one_agent_holds_for_all_that_use_the_model() -> None:
    clients = {"a": client_of(NOWHERE), "b": client_of(NOWHERE)}
    catalogue = catalogue_with(Policies(models={"a": ONE}), **clients)
    async with slot_of(catalogue, "a", {}):
        await must_wait(slot_of(catalogue, "b", {}))


async def test_a_fallback_shares_the_limit_of_the_model_that_it_is() -> None:
    falling_back = ModelPolicy(fallbacks=(client_of(NOWHERE, model="spare"),))
    clients = {"a": client_of(NOWHERE), "b": client_of(NOWHERE, model="spare")}
    catalogue = catalogue_with(Policies(models={"a": falling_back, "b": ONE}), **clients)
    async with slot_of(catalogue, "b", {}):
        await must_wait(slot_of(catalogue, "a/fallback-1", {}))


async def test_apps_of_a_worker_share_the_limit_of_a_model_and_are_let_go() -> None:
    async def use_both() -> list[weakref.ref[Catalogue]]:
        one, two = (catalogue_with(Policies(model=ONE), a=client_of(NOWHERE)) for _ in range(2))
        async with slot_of(one, "a", {}):
            await must_wait(slot_of(two, "a", {}))
        return [weakref.ref(one), weakref.ref(two)]

    # In a task of its own: what is waited for in vain stays in the state of the one that waited.
    used = await asyncio.create_task(use_both())
    gc.collect()
    assert [it() for it in used] == [None, None]


async def test_limiters_that_are_of_no_use_any_more_are_forgotten() -> None:
    few = [catalogue_with(Policies(model=ONE), a=client_of(f"{NOWHERE}/{n}")) for n in range(3)]
    async with slot_of(few[0], "a", {}), slot_of(few[1], "a", {}):
        pass
    here = rate_limits._limiters[asyncio.get_running_loop()]
    known = {url for _, url, _ in here}
    assert known == {f"{NOWHERE}/0/", f"{NOWHERE}/1/"}
    for limiter in here.values():
        limiter._begun.clear()
    async with slot_of(few[2], "a", {}):
        assert {url for _, url, _ in here} == {f"{NOWHERE}/2/"}


async def test_a_wait_for_a_limit_is_not_part_of_an_attempts_time() -> None:
    policy = ModelPolicy(
        rate_limit=RateLimit(concurrency=1),
        timeout=timedelta(seconds=2),
        retry=RetryPolicy.none(),
    )
    async with ScriptedModel([when().says("hello").after(0.5)]) as model:
        app = app_asking(agent_of(client_of(model.url)), Policies(model=policy))
        async with run_in_memory(app) as env:
            handles = [await env.client.start("ask", "hi") for _ in range(5)]
            said = await asyncio.gather(*(handle.result() for handle in handles))
    assert said == ["hello"] * 5
