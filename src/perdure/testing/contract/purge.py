"""Purge: nothing is left of a finished instance, and an active one is safe from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="purge_wait")
async def wait(answer: str) -> str:
    """Wait for the event ``go``, and leave another one untaken."""
    await perdure.wait_for_event("go")
    return answer


@registry.workflow(name="purge_leave_alone")
async def leave_alone(instance_id: str) -> None:
    """Leave a child behind."""
    perdure.start_child(wait.bind("alone"), instance_id=instance_id, on_parent_end="abandon")


class Purge(Contract):
    """The end of what is stored."""

    registry = registry

    def test_a_purged_instance_is_gone(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "a")
        handle.raise_event("go")
        backend_hub.result(handle)
        handle.purge()
        for ask in (handle.info, handle.wait, handle.purge, handle.terminate):
            with pytest.raises(perdure.InstanceNotFoundError, match=handle.instance_id):
                ask()

    def test_an_active_instance_is_not_purged(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "a")
        with pytest.raises(perdure.InstanceActiveError, match=handle.instance_id):
            handle.purge()
        handle.raise_event("go")
        assert backend_hub.result(handle) == "a"

    def test_the_id_of_a_purged_instance_is_free_and_nothing_is_inherited(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(wait, "first")
        handle.raise_event("unwanted", 1)
        handle.raise_event("go")
        backend_hub.result(handle)
        run_id = handle.info().run_id
        handle.purge()
        again = backend_hub.start(wait, "second", instance_id=handle.instance_id)
        backend_hub.settle()
        assert backend_hub.end_or_none(again) is None
        again.raise_event("go")
        assert backend_hub.result(again) == "second"
        assert again.info().run_id != run_id

    def test_children_stay(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(wait, backend_hub.new_id("child"))
        handle = backend_hub.start(leave_alone, child.instance_id)
        backend_hub.result(handle)
        handle.purge()
        backend_hub.until_exists(child)
        child.raise_event("go")
        assert backend_hub.result(child) == "alone"

    def test_a_terminated_instance_can_be_purged(self, backend_hub: BackendHub) -> None:
        handle = backend_hub.start(wait, "a")
        handle.terminate()
        backend_hub.end(handle)
        handle.purge()
        with pytest.raises(perdure.InstanceNotFoundError):
            handle.info()
