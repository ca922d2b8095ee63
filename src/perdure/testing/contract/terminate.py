"""Terminate: an end by force, which the workflow's code does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.activity(name="terminate_note")
async def record_note(record: str, label: str) -> None:
    """Write down that it ran."""
    note(record, label)


@registry.workflow(name="terminate_tidy")
async def tidy(record: str) -> str:
    """Wait, and tidy up at any end that the code sees."""
    perdure.set_custom_status("waiting")
    try:
        return await perdure.wait_for_event("go", str)
    finally:
        await record_note(record, "tidied up")


@registry.workflow(name="terminate_parent")
async def parent(record: str, instance_id: str) -> str:
    """Wait for a child."""
    return await perdure.start_child(tidy.bind(record), instance_id=instance_id).result()


class Terminate(Contract):
    """The forced end."""

    registry = registry

    def test_the_end_is_at_once_and_keeps_its_reason(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        handle.terminate(reason="enough")
        with pytest.raises(perdure.WorkflowTerminatedError, match="enough"):
            backend_hub.result(handle)
        assert handle.info().status is Status.TERMINATED

    def test_no_code_of_the_workflow_runs(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        backend_hub.until_shows(handle, "waiting")
        handle.terminate()
        assert backend_hub.end(handle).status is Status.TERMINATED
        backend_hub.settle()
        assert backend_hub.record.labels() == []

    def test_an_instance_that_never_ran_can_be_terminated(self, backend_hub: BackendHub) -> None:
        backend_hub.stop_worker()
        handle = backend_hub.start(tidy, str(backend_hub.record))
        handle.terminate(reason="a mistake")
        backend_hub.run_worker()
        assert backend_hub.end(handle).status is Status.TERMINATED
        assert backend_hub.record.labels() == []

    def test_a_finished_instance_stays_as_it_is(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        handle.raise_event("go", "on")
        assert backend_hub.result(handle) == "on"
        handle.terminate(reason="too late")
        assert backend_hub.result(handle) == "on"

    def test_a_terminated_instance_takes_nothing_more(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(tidy, str(backend_hub.record))
        handle.terminate()
        backend_hub.end(handle)
        with pytest.raises(perdure.InstanceFinishedError):
            handle.raise_event("go", "on")
        handle.terminate()

    def test_children_end_with_their_parent(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(tidy, backend_hub.new_id("child"))
        handle = backend_hub.start(parent, str(backend_hub.record), child.instance_id)
        backend_hub.until_exists(child)
        handle.terminate(reason="enough")
        assert backend_hub.end(handle).status is Status.TERMINATED
        assert backend_hub.end(child).status is Status.TERMINATED
