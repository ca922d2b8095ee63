"""Timers: durable waits end at their instant, never before, and in order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="timers_nap")
async def nap(seconds: float) -> float:
    """Sleep, and tell how long that took."""
    began = perdure.now()
    await asyncio.sleep(seconds)
    return (perdure.now() - began).total_seconds()


@registry.workflow(name="timers_order")
async def order(seconds: list[float]) -> list[float]:
    """Tell in which order timers end."""
    ended: list[float] = []

    async def wait(each: float) -> None:
        await asyncio.sleep(each)
        ended.append(each)

    await asyncio.gather(*(wait(each) for each in seconds))
    return ended


@registry.workflow(name="timers_deadline")
async def deadline(seconds: float) -> list[object]:
    """Wait for an event under a deadline; then for the same event without one."""
    began = perdure.now()
    try:
        async with asyncio.timeout(seconds):
            await perdure.wait_for_event("late", str)
    except TimeoutError:
        took = (perdure.now() - began).total_seconds()
        perdure.set_custom_status("too late")
        return [took, await perdure.wait_for_event("late", str)]
    return ["in time"]


@registry.workflow(name="timers_ages")
async def ages(days: int) -> str:
    """Wait for years, unless something happens."""
    perdure.set_custom_status("waiting")
    try:
        word = await perdure.wait_for_event("wake", str, timeout=timedelta(days=days))
    except TimeoutError:
        return "slept through"
    return word


class Timers(Contract):
    """Durable sleeps and deadlines."""

    registry = registry

    def test_a_sleep_ends_at_its_instant_and_not_before(self, backend_hub: BackendHub) -> None:
        seconds = backend_hub.moment.total_seconds() * 3
        handle = backend_hub.start(nap, seconds)
        backend_hub.settle()
        assert backend_hub.end_or_none(handle) is None
        backend_hub.let_pass(3)
        assert backend_hub.result(handle) >= seconds

    def test_timers_end_in_the_order_of_their_instants(self, backend_hub: BackendHub) -> None:
        moment = backend_hub.moment.total_seconds()
        waits = [moment, moment / 4, moment / 2]
        handle = backend_hub.start(order, waits)
        backend_hub.let_pass(1)
        assert backend_hub.result(handle) == sorted(waits)

    def test_a_wait_of_no_time_ends(self, backend_hub: BackendHub) -> None:
        assert backend_hub.result(backend_hub.start(nap, 0.0)) >= 0

    def test_a_deadline_raises_at_its_instant(self, backend_hub: BackendHub) -> None:
        seconds = backend_hub.moment.total_seconds()
        handle = backend_hub.start(deadline, seconds)
        backend_hub.let_pass(1)
        backend_hub.until_shows(handle, "too late")
        handle.raise_event("late", "sorry")
        took, word = backend_hub.result(handle)
        assert took >= seconds
        assert word == "sorry"

    def test_a_deadline_that_is_kept_leaves_no_trace(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(deadline, backend_hub.moment.total_seconds() * 4)
        handle.raise_event("late", "early")
        assert backend_hub.result(handle) == ["in time"]

    def test_a_wait_of_ten_years_is_taken_and_can_be_cut_short(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(ages, 3653)
        backend_hub.until_shows(handle, "waiting")
        handle.raise_event("wake", "up")
        assert backend_hub.result(handle) == "up"
