"""Continue-as-new: the instance stays, its run is new, and what nobody took goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="continue_count")
async def count(until: int, number: int = 0, runs: list[str] | None = None) -> list[str]:
    """Begin again until the number is reached; tell the runs."""
    runs = [*(runs or []), perdure.current_workflow().run_id]
    if number < until:
        perdure.continue_as_new(until, number + 1, runs)
    return runs


@registry.workflow(name="continue_collect")
async def collect(until: int, taken: list[int]) -> list[int]:
    """Take one event a run, once told to begin."""
    perdure.set_custom_status(len(taken))
    if not taken:
        await perdure.wait_for_event("begin")
    taken = [*taken, await perdure.wait_for_event("number", int)]
    if len(taken) < until:
        perdure.continue_as_new(until, taken)
    return taken


class ContinueAsNew(Contract):
    """Runs that follow each other in one instance."""

    registry = registry

    def test_each_run_is_new_and_the_result_is_that_of_the_last(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(count, 4)
        runs = backend_hub.result(handle)
        assert len(set(runs)) == len(runs) == 5
        assert handle.info().run_id == runs[-1]
        assert handle.info().status is Status.COMPLETED

    def test_events_that_nobody_took_go_along(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(collect, 6, [])
        for number in range(4):
            handle.raise_event("number", number)
        handle.raise_event("begin")
        backend_hub.until_shows(handle, 4)
        assert handle.info().status is Status.RUNNING
        handle.raise_event("number", 4)
        handle.raise_event("number", 5)
        assert backend_hub.result(handle) == list(range(6))

    def test_many_runs_do_not_wear_the_instance_out(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(count, 50)
        assert len(backend_hub.result(handle)) == 51
