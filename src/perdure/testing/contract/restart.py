"""Restart: a finished instance runs again, from its beginning or from one of its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.spi import Capability
from perdure.testing.contract.contract import Contract
from perdure.testing.record import note

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.activity(name="restart_note")
async def record_note(record: str, label: str) -> str:
    """Write down that it ran."""
    note(record, label)
    return label


@registry.workflow(name="restart_steps")
async def steps(record: str, count: int) -> list[str]:
    """Write down each step; tell the run."""
    for number in range(count):
        await record_note(record, str(number))
    return [record, perdure.current_workflow().run_id]


@registry.workflow(name="restart_wait")
async def wait() -> str:
    """Wait for the event ``go``."""
    return await perdure.wait_for_event("go", str)


@pytest.mark.capability(Capability.RESTART)
class Restart(Contract):
    """The same input, once more."""

    registry = registry

    def test_a_restart_is_a_new_run_with_the_same_input(self, backend_hub: BackendHub) -> None:
        record = str(backend_hub.record)
        handle = backend_hub.start(steps, record, 2)
        first = backend_hub.result(handle)
        assert handle.restart().run_id != first[1]
        second = backend_hub.result(handle)
        assert (second[0], second[1] != first[1]) == (record, True)
        assert backend_hub.record.labels() == ["0", "1", "0", "1"]
        assert len({entry.key for entry in backend_hub.record.entries()}) == 4

    def test_events_of_the_old_run_are_not_heard_by_the_new(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait)
        handle.raise_event("go", "first")
        assert backend_hub.result(handle) == "first"
        handle.restart()
        handle.raise_event("go", "second")
        assert backend_hub.result(handle) == "second"

    def test_an_active_instance_is_not_restarted(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait)
        with pytest.raises(perdure.InstanceActiveError):
            handle.restart()

    def test_what_is_not_there_is_not_restarted(self, backend_hub: BackendHub) -> None:
        with pytest.raises(perdure.InstanceNotFoundError):
            backend_hub.client.get(wait, backend_hub.new_id()).restart()


@pytest.mark.capability(Capability.RERUN)
class Rerun(Contract):
    """From one command on; what came before is kept."""

    registry = registry

    def test_only_what_comes_after_the_command_runs_again(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(steps, str(backend_hub.record), 3)
        backend_hub.result(handle)
        handle.rerun(from_command=2)
        backend_hub.result(handle)
        assert backend_hub.record.labels() == ["0", "1", "2", "1", "2"]

    def test_a_command_that_is_not_there_is_named(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(steps, str(backend_hub.record), 1)
        backend_hub.result(handle)
        with pytest.raises(ValueError, match="99"):
            handle.rerun(from_command=99)
