"""Suspend, resume, terminate, purge, restart and rerun."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry
from perdure.errors import InstanceActiveError, InstanceFinishedError, InstanceNotFoundError
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub, Node

registry = Registry()
runs: Counter[str] = Counter()
gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    runs.clear()
    gates.clear()


@registry.activity
async def note(name: str) -> str:
    runs[name] += 1
    if name in gates:
        await gates[name].wait()
    return f"{name}{runs[name]}"


@registry.workflow
async def pair() -> list[str]:
    return [await note("a"), await note("b")]


@registry.workflow
async def nap() -> str:
    await asyncio.sleep(10)
    return await note("after")


@registry.workflow
async def greet() -> str:
    return "hello " + await perdure.wait_for_event("name", str)


@registry.workflow
async def last_gasp() -> str:
    perdure.set_custom_status("gasping")
    name = await note("a")
    asyncio.create_task(note("never awaited"))  # noqa: RUF006 - on purpose
    await asyncio.sleep(0)
    return name


async def started(hub: Hub, workflow: str, *, until: str | None = None) -> Node:
    if until is not None:
        gates[until] = asyncio.Event()
    node = await hub.open(registry)
    await node.start(workflow)
    if until is None:
        await hub.settle()
    else:
        while not runs[until]:
            await asyncio.sleep(0)
    return node


async def test_an_instance_on_hold_gets_nothing_until_it_is_resumed(hub: Hub) -> None:
    node = await started(hub, "greet")
    await node.backend.suspend("i", reason="lunch")
    await node.event("name", "Ada")
    await hub.settle()
    info = await node.backend.get("i")
    assert (info.status, info.reason) == (Status.SUSPENDED, "lunch")
    await node.backend.resume("i", reason="back")
    assert await node.result() == "hello Ada"
    assert await node.kinds() == [
        "WorkflowStarted",
        "Suspended",
        "Resumed",
        "EventReceived",
        "Completed",
    ]
    await hub.close()


async def test_a_result_that_arrives_on_hold_is_kept_over_a_crash(hub: Hub) -> None:
    node = await started(hub, "pair", until="a")
    await node.backend.suspend("i", reason="")
    while "Suspended" not in await node.kinds():
        await asyncio.sleep(0)
    gates["a"].set()
    await hub.settle()
    node.crash()
    second = await hub.open(registry)
    await hub.settle()
    assert await second.status() is Status.SUSPENDED
    await second.backend.resume("i", reason="")
    assert await second.result() == ["a1", "b1"]
    await hub.close()


async def test_a_timer_due_on_hold_fires_when_the_hold_is_lifted(hub: Hub) -> None:
    node = await started(hub, "nap")
    await node.backend.suspend("i", reason="")
    await hub.advance(100)
    assert runs["after"] == 0
    await node.backend.resume("i", reason="")
    assert await node.result() == "after1"
    await hub.close()


async def test_suspend_and_resume_are_idempotent_and_hold_a_pending_one_too(hub: Hub) -> None:
    client = await hub.open()
    await client.start("pair", start_at=hub.clock.now + timedelta(seconds=5))
    for _ in range(2):
        await client.backend.suspend("i", reason="")
    await hub.open(registry)
    await hub.advance(10)
    assert await client.status() is Status.SUSPENDED
    for _ in range(2):
        await client.backend.resume("i", reason="")
    assert await client.result() == ["a1", "b1"]
    await hub.close()


async def test_an_instance_on_hold_can_be_terminated_without_running_its_code(hub: Hub) -> None:
    node = await started(hub, "nap")
    await node.backend.suspend("i", reason="")
    await hub.advance(100)
    await node.backend.terminate("i", reason="enough")
    info = await node.finished()
    assert (info.status, info.reason) == (Status.TERMINATED, "enough")
    assert runs["after"] == 0
    await hub.close()


async def test_terminating_discards_what_runs(hub: Hub) -> None:
    node = await started(hub, "pair", until="a")
    await node.backend.terminate("i", reason="enough")
    assert await node.status() is Status.TERMINATED
    gates["a"].set()
    await hub.settle()
    assert (await node.kinds())[-1] == "Terminated"
    assert runs["b"] == 0
    await node.backend.terminate("i", reason="again")
    assert (await node.backend.get("i")).reason == "enough"
    await hub.close()


async def test_an_instance_that_nobody_runs_is_terminated_at_once(hub: Hub) -> None:
    client = await hub.open()
    await client.start("pair")
    await client.backend.terminate("i", reason="unwanted")
    assert await client.status() is Status.TERMINATED
    await hub.open(registry)
    await hub.settle()
    assert runs == {}
    await hub.close()


async def test_the_owner_of_an_instance_to_be_terminated_dies_before_it_can(hub: Hub) -> None:
    node = await started(hub, "greet")
    client = await hub.open()
    node.engine.commits.close()  # it hears, and can do nothing any more
    terminating = asyncio.create_task(client.backend.terminate("i", reason="enough"))
    await asyncio.sleep(0.05)
    assert await client.status() is Status.RUNNING
    node.crash()
    await terminating
    assert (await client.finished()).status is Status.TERMINATED
    await hub.close()


async def test_what_has_ended_takes_no_events_and_no_hold(hub: Hub) -> None:
    node = await started(hub, "pair")
    with pytest.raises(InstanceFinishedError):
        await node.event("name")
    with pytest.raises(InstanceFinishedError):
        await node.backend.suspend("i", reason="")
    with pytest.raises(InstanceFinishedError):
        await node.backend.resume("i", reason="")
    for call in (node.backend.suspend, node.backend.resume, node.backend.terminate):
        with pytest.raises(InstanceNotFoundError):
            await call("j", reason="")
    with pytest.raises(InstanceNotFoundError):
        await node.event("name", instance_id="j")
    await hub.close()


async def test_purging_leaves_nothing_and_needs_an_end(hub: Hub) -> None:
    node = await started(hub, "greet")
    with pytest.raises(InstanceActiveError):
        await node.backend.purge("i")
    await node.event("name", "Ada")
    await node.result()
    await node.backend.purge("i")
    with pytest.raises(InstanceNotFoundError):
        await node.backend.get("i")
    for table in ("instances", "journal", "inbox", "started", "past_runs"):
        rows = node.engine.store.connection.execute(f"SELECT * FROM {table}").fetchall()
        assert rows == []
    await hub.close()


async def test_a_late_result_does_not_touch_the_instance_that_took_the_id(hub: Hub) -> None:
    node = await started(hub, "pair", until="a")
    await node.backend.terminate("i", reason="")
    first = gates.pop("a")
    await node.start("pair", if_exists="replace_finished")
    assert await node.result() == ["a2", "b1"]
    first.set()
    await hub.settle()
    assert await node.result() == ["a2", "b1"]
    await hub.close()


async def test_a_restart_is_a_new_run_with_the_same_input(hub: Hub) -> None:
    node = await started(hub, "pair")
    first = await node.finished()
    again = await node.backend.restart("i", from_command=None)
    assert again.run_id != first.run_id
    assert again.output_json is None
    assert await node.result() == ["a2", "b2"]
    old = await node.backend.history("i", run_id=first.run_id)
    assert len(old) == len(await node.history()) == 6
    with pytest.raises(InstanceNotFoundError):
        await node.backend.history("i", run_id="nonsense")
    await hub.close()


async def test_a_rerun_keeps_what_came_before_the_command(hub: Hub) -> None:
    node = await started(hub, "pair")
    await node.result()
    await node.backend.restart("i", from_command=2)
    assert await node.result() == ["a1", "b2"]
    with pytest.raises(ValueError, match="no command 9"):
        await node.backend.restart("i", from_command=9)
    gates["b"] = asyncio.Event()
    await node.backend.restart("i", from_command=1)
    with pytest.raises(InstanceActiveError):
        await node.backend.restart("i", from_command=1)
    gates["b"].set()
    assert await node.result() == ["a2", "b3"]
    await hub.close()


async def test_a_rerun_from_a_command_of_the_last_step_takes_that_step_anew(hub: Hub) -> None:
    node = await started(hub, "last_gasp")
    assert await node.result() == "a1"
    commands = [
        event for event in await node.history() if type(event).__name__ == "ActivityScheduled"
    ]
    assert len(commands) == 2
    await node.backend.restart("i", from_command=2)
    assert await node.result() == "a1"
    await hub.close()
