from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure.errors import InstanceAlreadyExistsError, WorkflowTerminatedError
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub

registry = Registry()


@registry.workflow
async def child(number: int) -> int:
    if number < 0:
        raise ValueError("negative")
    if number == 0:
        await perdure.wait_for_event("go")
    return number * 2


@registry.workflow
async def parent(numbers: list[int]) -> list[int]:
    return list(await asyncio.gather(*(child(n) for n in numbers)))


@registry.workflow
async def careful_parent(number: int, child_id: str) -> str:
    run = perdure.start_child(child.bind(number), instance_id=child_id)
    try:
        return str(await run.result())
    except (
        perdure.WorkflowFailedError,
        WorkflowTerminatedError,
        InstanceAlreadyExistsError,
    ) as error:
        return type(error).__name__


@registry.workflow
async def leaves_early(abandons: bool) -> str:
    perdure.start_child(
        child.bind(0), instance_id="c", on_parent_end="abandon" if abandons else "terminate"
    )
    await asyncio.sleep(1)
    return "gone"


@registry.workflow
async def renewing_parent(round: int) -> int:
    if round == 0:
        perdure.start_child(child.bind(0), instance_id="c", on_parent_end="abandon")
        await asyncio.sleep(1)
        perdure.continue_as_new(round=1)
    await perdure.wait_for_event("go")
    return round


async def test_children_give_their_results(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("parent", arguments={"numbers": [1, 2, 3]})
    assert await node.result() == [2, 4, 6]
    children = await node.listed(name="child")
    run_id = (await node.backend.get("i")).run_id
    assert [c.parent and (c.parent.instance_id, c.parent.run_id) for c in children] == [
        ("i", run_id)
    ] * 3
    await hub.close()


async def test_a_child_runs_wherever_its_workflow_is_known(hub: Hub) -> None:
    only_parent, only_child = Registry(), Registry()
    only_parent.workflow(name="parent")(parent.local)
    only_child.workflow(name="child")(child.local)
    node = await hub.open(only_parent)
    await hub.open(only_child)
    await node.start("parent", arguments={"numbers": [1, 2]})
    assert await node.result() == [2, 4]
    await hub.close()


async def test_how_a_child_ended_badly_reaches_its_parent(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("careful_parent", "p1", arguments={"number": -1, "child_id": "c1"})
    assert await node.result("p1") == "WorkflowFailedError"
    await node.start("careful_parent", "p2", arguments={"number": 0, "child_id": "c2"})
    await hub.settle()
    await node.backend.terminate("c2", reason="enough")
    assert await node.result("p2") == "WorkflowTerminatedError"
    await node.start("careful_parent", "p3", arguments={"number": 1, "child_id": "c1"})
    assert await node.result("p3") == "InstanceAlreadyExistsError"
    await hub.close()


async def test_a_childs_result_waits_for_a_parent_that_is_not_loaded(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("careful_parent", "p", arguments={"number": 0, "child_id": "c"})
    await hub.settle()
    node.crash()
    only_child = Registry()
    only_child.workflow(name="child")(child.local)
    second = await hub.open(only_child)
    await second.event("go", instance_id="c")
    assert await second.result("c") == 0
    await hub.open(registry)
    assert await second.result("p") == "0"
    await hub.close()


async def test_children_end_with_their_parent_unless_they_are_abandoned(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("leaves_early", arguments={"abandons": False})
    await hub.advance(1)
    info = await node.finished("c")
    assert info.status is Status.TERMINATED
    assert info.reason == "its parent 'i' has ended"
    await node.backend.purge("c")
    await node.start("leaves_early", "j", arguments={"abandons": True})
    await hub.advance(1)
    assert await node.result("j") == "gone"
    await node.event("go", instance_id="c")
    assert await node.result("c") == 0
    await hub.close()


async def test_terminating_a_parent_that_nobody_runs_ends_its_children_too(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("parent", arguments={"numbers": [0, 0]})
    await hub.settle()
    node.crash()
    client = await hub.open()
    await client.backend.terminate("i", reason="enough")
    assert [info.status for info in await client.listed()] == [Status.TERMINATED] * 3
    await hub.close()


async def test_a_child_of_an_earlier_run_is_not_heard_by_the_next(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("renewing_parent", arguments={"round": 0})
    await hub.advance(1)
    await node.event("go", instance_id="c")
    assert await node.result("c") == 0
    await hub.settle()
    assert await node.kinds() == ["WorkflowStarted"]
    await node.event("go")
    assert await node.result() == 1
    await hub.close()
