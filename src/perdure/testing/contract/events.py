"""Events: kept from the moment the instance exists, first in first out, each taken once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="events_collect")
async def collect(name: str, count: int) -> list[int]:
    """Take so many events of one name."""
    return [await perdure.wait_for_event(name, int) for _ in range(count)]


@registry.workflow(name="events_two_names")
async def two_names() -> list[str]:
    """Take events in another order than they come."""
    second = await perdure.wait_for_event("second", str)
    first = await perdure.wait_for_event("first", str)
    return [first, second]


@registry.workflow(name="events_impatient")
async def impatient(seconds: float) -> list[int]:
    """Give up a wait, then take two events."""
    try:
        await perdure.wait_for_event("number", int, timeout=timedelta(seconds=seconds))
    except TimeoutError:
        perdure.set_custom_status("gave up")
    return [await perdure.wait_for_event("number", int) for _ in range(2)]


@registry.workflow(name="events_peek")
async def peek() -> list[int | None]:
    """Take only what is there already, then wait."""
    perdure.set_custom_status("waiting")
    await perdure.wait_for_event("go")
    found: list[int | None] = []
    for _ in range(3):
        try:
            found.append(await perdure.wait_for_event("number", int, timeout=timedelta()))
        except TimeoutError:
            found.append(None)
    return found


@registry.workflow(name="events_both")
async def both() -> list[int]:
    """Wait twice at once for the same name."""
    return await asyncio.gather(*(perdure.wait_for_event("number", int) for _ in range(2)))


class Events(Contract):
    """What comes from outside while an instance runs."""

    registry = registry

    def test_events_come_in_the_order_they_were_raised_and_each_once(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(collect, "number", 20)
        for number in range(20):
            handle.raise_event("number", number)
        assert backend_hub.result(handle) == list(range(20))

    def test_events_raised_before_any_worker_runs_are_kept(self, backend_hub: BackendHub) -> None:
        backend_hub.stop_worker()
        handle = backend_hub.start(collect, "number", 3)
        for number in range(3):
            handle.raise_event("number", number)
        backend_hub.run_worker()
        assert backend_hub.result(handle) == [0, 1, 2]

    def test_events_of_one_name_do_not_hold_up_those_of_another(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(two_names)
        handle.raise_event("first", "a")
        handle.raise_event("second", "b")
        assert backend_hub.result(handle) == ["a", "b"]

    def test_a_wait_that_timed_out_takes_nothing(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(impatient, backend_hub.moment.total_seconds())
        backend_hub.let_pass(1)
        backend_hub.until_shows(handle, "gave up")
        handle.raise_event("number", 1)
        handle.raise_event("number", 2)
        assert backend_hub.result(handle) == [1, 2]

    def test_a_wait_of_no_time_takes_only_what_has_arrived(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(peek)
        backend_hub.until_shows(handle, "waiting")
        handle.raise_event("number", 1)
        handle.raise_event("number", 2)
        handle.raise_event("go")
        assert backend_hub.result(handle) == [1, 2, None]

    def test_two_waits_share_events_first_come_first_served(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(both)
        handle.raise_event("number", 1)
        handle.raise_event("number", 2)
        assert backend_hub.result(handle) == [1, 2]

    @pytest.mark.parametrize("name", ["a.b", "a-b", "a_b", "0", "x" * 64])
    def test_every_name_that_the_rules_allow_arrives(
        self, backend_hub: BackendHub, name: str
    ) -> None:
        handle = backend_hub.start(collect, name, 1)
        handle.raise_event("ab", 0)
        handle.raise_event(name, 1)
        assert backend_hub.result(handle) == [1]

    def test_an_instance_that_has_ended_takes_no_events(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(collect, "number", 0)
        assert backend_hub.result(handle) == []
        with pytest.raises(perdure.InstanceFinishedError, match=handle.instance_id):
            handle.raise_event("number", 1)
