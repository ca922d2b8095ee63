"""Suspend: an instance on hold gets nothing, loses nothing, and goes on when told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.spi import Capability
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="suspend_listen")
async def listen(count: int) -> list[int]:
    """Take events, and show how many."""
    taken: list[int] = []
    perdure.set_custom_status(0)
    while len(taken) < count:
        taken.append(await perdure.wait_for_event("number", int))
        perdure.set_custom_status(len(taken))
    return taken


@registry.workflow(name="suspend_nap")
async def nap(seconds: float) -> str:
    """Sleep."""
    perdure.set_custom_status("asleep")
    await asyncio.sleep(seconds)
    return "awake"


@registry.activity(name="suspend_step")
async def step(record: str) -> str:
    """Take a while."""
    note(record, "begun")
    await asyncio.sleep(0.2)
    note(record, "ended")
    return "done"


@registry.workflow(name="suspend_work")
async def work(record: str) -> str:
    """Run an activity."""
    return await step(record)


@pytest.mark.capability(Capability.SUSPEND)
class Suspend(Contract):
    """Hold and release."""

    registry = registry

    def test_what_arrives_during_a_hold_is_kept_for_later(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(listen, 3)
        handle.raise_event("number", 1)
        backend_hub.until_shows(handle, 1)
        handle.suspend(reason="lunch")
        backend_hub.until_status(handle, Status.SUSPENDED)
        handle.raise_event("number", 2)
        handle.raise_event("number", 3)
        backend_hub.settle()
        info = handle.info()
        assert (info.status, info.custom_status_json) == (Status.SUSPENDED, "1")
        handle.resume(reason="back")
        assert backend_hub.result(handle) == [1, 2, 3]

    def test_a_timer_that_was_due_during_a_hold_fires_after_it(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(nap, backend_hub.moment.total_seconds())
        backend_hub.until_shows(handle, "asleep")
        handle.suspend()
        backend_hub.until_status(handle, Status.SUSPENDED)
        backend_hub.let_pass(2)
        assert handle.info().status is Status.SUSPENDED
        handle.resume()
        assert backend_hub.result(handle) == "awake"

    def test_an_activity_that_runs_is_left_to_end_and_its_result_is_kept(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(work, str(backend_hub.record))
        backend_hub.until_recorded(1)
        handle.suspend()
        backend_hub.until_recorded(2)
        backend_hub.settle()
        assert handle.info().status is Status.SUSPENDED
        handle.resume()
        assert backend_hub.result(handle) == "done"
        assert backend_hub.record.labels() == ["begun", "ended"]

    def test_both_may_be_said_twice(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(listen, 1)
        handle.suspend()
        handle.suspend()
        backend_hub.until_status(handle, Status.SUSPENDED)
        handle.resume()
        handle.resume()
        handle.raise_event("number", 1)
        assert backend_hub.result(handle) == [1]

    def test_an_instance_on_hold_can_be_terminated(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(listen, 1)
        handle.suspend()
        handle.terminate(reason="never mind")
        assert backend_hub.end(handle).status is Status.TERMINATED

    def test_a_finished_instance_cannot_be_held(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(listen, 0)
        backend_hub.result(handle)
        for ask in (handle.suspend, handle.resume):
            with pytest.raises(perdure.InstanceFinishedError, match=handle.instance_id):
                ask()

    def test_a_hold_outlives_the_worker(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(listen, 1)
        handle.suspend()
        backend_hub.until_status(handle, Status.SUSPENDED)
        backend_hub.run_worker()
        handle.raise_event("number", 1)
        backend_hub.settle()
        assert handle.info().status is Status.SUSPENDED
        handle.resume()
        assert backend_hub.result(handle) == [1]
