"""Children: workflows awaited in workflows, instances of their own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import perdure
from perdure import Registry, Status
from perdure.testing.contract.contract import Contract

if TYPE_CHECKING:
    from perdure.testing.hub import BackendHub

registry = Registry()


@registry.workflow(name="children_leaf")
async def leaf(number: int) -> int:
    """Return at once."""
    return number * 2


@registry.workflow(name="children_broken")
async def broken() -> None:
    """Raise."""
    raise ValueError("no luck")


@registry.workflow(name="children_patient")
async def patient() -> str:
    """Wait for the event ``go``."""
    perdure.set_custom_status("waiting")
    return await perdure.wait_for_event("go", str)


@registry.workflow(name="children_tree")
async def tree(depth: int, width: int) -> int:
    """Have children that have children."""
    if depth == 0:
        return 1
    return sum(await asyncio.gather(*(tree(depth - 1, width) for _ in range(width))))


@registry.workflow(name="children_many")
async def many(count: int) -> list[int]:
    """Have many children at once."""
    return await asyncio.gather(*(leaf(number) for number in range(count)))


@registry.workflow(name="children_named")
async def named(instance_id: str | None) -> str:
    """Start a child, tell its id, and wait for it."""
    child = perdure.start_child(patient.bind(), instance_id=instance_id)
    perdure.set_custom_status(child.instance_id)
    return await child.result()


@registry.workflow(name="children_unlucky")
async def unlucky() -> dict[str, object]:
    """Tell what a child's failure looks like from inside."""
    try:
        await broken()
    except perdure.WorkflowFailedError as error:
        return {
            "is_value_error": error.matches(ValueError),
            "message": error.failure.message,
        }
    return {}


@registry.workflow(name="children_bereaved")
async def bereaved(instance_id: str) -> str:
    """Tell how waiting for a child ends that is ended by force, or was never begun."""
    try:
        return await perdure.start_child(patient.bind(), instance_id=instance_id).result()
    except perdure.WorkflowTerminatedError:
        return "terminated"
    except perdure.InstanceAlreadyExistsError:
        return "taken"


@registry.workflow(name="children_leaver")
async def leaver(instance_id: str, policy: Literal["terminate", "abandon"]) -> str:
    """End before the child does."""
    perdure.start_child(patient.bind(), instance_id=instance_id, on_parent_end=policy)
    await perdure.wait_for_event("leave")
    return "left"


@registry.workflow(name="children_distracted")
async def distracted(instance_id: str) -> str:
    """Give up the wait for a child, and take it up again."""
    child = perdure.start_child(patient.bind(), instance_id=instance_id)
    waiting = asyncio.create_task(child.result())
    await perdure.wait_for_event("give_up")
    waiting.cancel()
    await asyncio.wait([waiting])
    perdure.set_custom_status("gave up")
    return await child.result()


class Children(Contract):
    """What a workflow and its children have of each other."""

    registry = registry

    def test_a_child_returns_its_result_to_its_parent(self, backend_hub: BackendHub) -> None:
        assert backend_hub.result(backend_hub.start(tree, 3, 2)) == 8

    def test_many_children_run_and_their_results_keep_their_places(
        self, backend_hub: BackendHub
    ) -> None:
        handle = backend_hub.start(many, 30)
        assert backend_hub.result(handle) == [number * 2 for number in range(30)]

    def test_a_childs_failure_is_an_error_in_its_parent(self, backend_hub: BackendHub) -> None:
        seen = backend_hub.result(backend_hub.start(unlucky))
        assert seen == {"is_value_error": True, "message": "no luck"}

    def test_a_child_is_an_instance_with_an_id_made_of_its_parents(
        self, backend_hub: BackendHub
    ) -> None:
        parent = backend_hub.start(named, None)
        backend_hub.until(
            lambda: parent.info().custom_status_json is not None, "the child was never begun"
        )
        child_id = str(parent.info().custom_status_json).strip('"')
        assert child_id.startswith(parent.instance_id[:20])
        child = backend_hub.client.get(patient, child_id)
        backend_hub.until_shows(child, "waiting")
        link = child.info().parent
        assert link is not None
        assert (link.instance_id, link.run_id) == (parent.instance_id, parent.info().run_id)
        child.raise_event("go", "on")
        assert backend_hub.result(parent) == "on"
        assert backend_hub.result(child) == "on"

    def test_a_child_may_be_given_its_id(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(patient, backend_hub.new_id("child"))
        parent = backend_hub.start(named, child.instance_id)
        backend_hub.until_shows(parent, child.instance_id)
        backend_hub.until_exists(child)
        child.raise_event("go", "on")
        assert backend_hub.result(parent) == "on"

    def test_a_child_whose_id_is_taken_is_not_begun(self, backend_hub: BackendHub) -> None:
        other = backend_hub.start(patient)
        run_id = other.info().run_id
        assert backend_hub.result(backend_hub.start(bereaved, other.instance_id)) == "taken"
        assert other.info().run_id == run_id
        other.raise_event("go", "on")
        assert backend_hub.result(other) == "on"

    def test_a_parent_learns_that_its_child_was_terminated(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(patient, backend_hub.new_id("child"))
        parent = backend_hub.start(bereaved, child.instance_id)
        backend_hub.until_exists(child)
        child.terminate(reason="enough")
        assert backend_hub.result(parent) == "terminated"

    def test_a_child_ends_with_its_parent(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(patient, backend_hub.new_id("child"))
        parent = backend_hub.start(leaver, child.instance_id, "terminate")
        backend_hub.until_exists(child)
        parent.raise_event("leave")
        assert backend_hub.result(parent) == "left"
        assert backend_hub.end(child).status is Status.TERMINATED

    def test_an_abandoned_child_goes_on(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(patient, backend_hub.new_id("child"))
        parent = backend_hub.start(leaver, child.instance_id, "abandon")
        backend_hub.until_exists(child)
        parent.raise_event("leave")
        assert backend_hub.result(parent) == "left"
        child.raise_event("go", "alone")
        assert backend_hub.result(child) == "alone"

    def test_giving_up_the_wait_leaves_the_child_running(self, backend_hub: BackendHub) -> None:
        child = backend_hub.client.get(patient, backend_hub.new_id("child"))
        parent = backend_hub.start(distracted, child.instance_id)
        backend_hub.until_exists(child)
        backend_hub.until_shows(child, "waiting")
        parent.raise_event("give_up")
        backend_hub.until_shows(parent, "gave up")
        assert child.info().status is Status.RUNNING
        child.raise_event("go", "after all")
        assert backend_hub.result(parent) == "after all"
