from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import Registry, RetryPolicy
from perdure.embedded.watchdog import Watchdog
from perdure.errors import InstanceAlreadyExistsError, InstanceNotFoundError
from perdure.types import Status

if TYPE_CHECKING:
    from tests.embedded.hub import Hub

registry = Registry()


@registry.activity
async def double(number: int) -> int:
    return number * 2


@registry.activity
def double_in_a_thread(number: int) -> int:
    return number * 2


@registry.activity(retry=RetryPolicy.none())
async def fail() -> None:
    raise ValueError("no luck")


@registry.workflow
async def chain(steps: int) -> int:
    number = 1
    for _ in range(steps):
        number = await double(number)
    return number


@registry.workflow
async def fan_out(width: int) -> list[int]:
    return list(await asyncio.gather(*(double_in_a_thread(n) for n in range(width))))


@registry.workflow
async def doomed() -> None:
    await fail()


@registry.workflow
async def nap(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "awake"


@registry.workflow
async def greet() -> str:
    perdure.set_custom_status({"waits": True})
    name = await perdure.wait_for_event("name", str)
    return f"hello {name}"


async def test_a_chain_of_activities_gives_its_result(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("chain", arguments={"steps": 4})
    assert await node.result() == 16
    kinds = await node.kinds()
    assert kinds == [
        "WorkflowStarted",
        *["ActivityScheduled", "ActivityCompleted"] * 4,
        "Completed",
    ]
    await hub.close()


async def test_activities_run_side_by_side_in_threads(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("fan_out", arguments={"width": 50})
    assert await node.result() == [n * 2 for n in range(50)]
    await hub.close()


async def test_a_failure_is_kept_as_data(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("doomed")
    info = await node.finished()
    assert info.status is Status.FAILED
    assert info.failure is not None
    assert info.failure.matches(perdure.ActivityError)
    assert "no luck" in info.failure.message
    await hub.close()


async def test_a_timer_fires_when_its_instant_has_come_and_not_before(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("nap", arguments={"seconds": 3600})
    await hub.advance(3599)
    assert await node.status() is Status.RUNNING
    await hub.advance(1)
    assert await node.result() == "awake"
    await hub.close()


async def test_an_event_reaches_the_workflow_and_the_custom_status_its_reader(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("greet")
    await hub.settle()
    assert (await node.backend.get("i")).custom_status_json == '{"waits":true}'
    await node.event("name", "Ada")
    assert await node.result() == "hello Ada"
    await hub.close()


async def test_an_event_that_comes_before_the_first_step_is_not_lost(hub: Hub) -> None:
    client = await hub.open()
    await client.start("greet")
    await client.event("name", "Ada")
    await hub.open(registry)
    assert await client.result() == "hello Ada"
    await hub.close()


async def test_many_that_are_ready_at_once_share_commits(hub: Hub) -> None:
    node = await hub.open(registry)
    commits = 0
    connection = node.engine.store.connection

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    connection.set_trace_callback(count)
    ids = [f"i{n}" for n in range(50)]
    await asyncio.gather(*(node.start("chain", id, arguments={"steps": 4}) for id in ids))
    assert [await node.result(id) for id in ids] == [16] * 50
    assert commits < 20
    await hub.close()


async def test_an_id_in_use_is_refused_attached_or_replaced_as_asked(hub: Hub) -> None:
    node = await hub.open(registry)
    first = await node.start("greet")
    with pytest.raises(InstanceAlreadyExistsError, match=r"pending|running"):
        await node.start("chain", arguments={"steps": 1})
    attached = await node.start("chain", if_exists="attach")
    assert (attached.name, attached.run_id) == ("greet", first.run_id)
    with pytest.raises(InstanceAlreadyExistsError):
        await node.start("chain", if_exists="replace_finished")
    await node.event("name", "Ada")
    await node.result()
    with pytest.raises(InstanceAlreadyExistsError, match="completed"):
        await node.start("chain", arguments={"steps": 1})
    replaced = await node.start("chain", if_exists="replace_finished", arguments={"steps": 1})
    assert replaced.run_id != first.run_id
    assert await node.result() == 2
    await hub.close()


async def test_a_start_in_the_future_waits_even_if_events_come(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start("greet", start_at=hub.clock.now + timedelta(hours=1))
    await node.event("name", "Ada")
    await hub.advance(3599)
    assert await node.status() is Status.PENDING
    await hub.advance(1)
    assert await node.result() == "hello Ada"
    await hub.close()


async def test_the_execution_timeout_fails_the_run_and_counts_from_its_start(hub: Hub) -> None:
    node = await hub.open(registry)
    await node.start(
        "greet",
        start_at=hub.clock.now + timedelta(hours=1),
        execution_timeout=timedelta(minutes=1),
    )
    await hub.advance(3600 + 59)
    assert await node.status() is Status.RUNNING
    await hub.advance(1)
    info = await node.finished()
    assert info.status is Status.FAILED
    assert info.failure is not None
    assert info.failure.matches(TimeoutError)
    await hub.close()


async def test_waiting_ends_with_its_timeout_and_says_whether_any_worker_could_do_it(
    hub: Hub,
) -> None:
    client = await hub.open()
    await client.start("greet")
    with pytest.raises(TimeoutError, match="no running worker knows the workflow 'greet'"):
        await client.backend.wait("i", timeout=timedelta(milliseconds=10))
    await hub.open(registry)
    with pytest.raises(TimeoutError, match=r"still (pending|running)$"):
        await client.backend.wait("i", timeout=timedelta(milliseconds=10))
    with pytest.raises(InstanceNotFoundError):
        await client.backend.wait("j", timeout=timedelta(milliseconds=10))
    await hub.close()


async def test_an_event_raised_together_with_the_start_is_not_lost(hub: Hub) -> None:
    node = await hub.open(registry)
    await asyncio.gather(node.start("greet"), node.event("name", "Ada"))
    assert await node.result() == "hello Ada"
    await hub.close()


async def test_code_that_tries_to_leave_the_process_fails_its_instance_only(hub: Hub) -> None:
    rude = Registry()

    @rude.workflow
    async def leave() -> None:
        raise SystemExit(3)

    @rude.activity(retry=RetryPolicy.none())
    async def leave_activity() -> None:
        raise KeyboardInterrupt

    @rude.workflow
    async def call_leave() -> None:
        await leave_activity()

    node = await hub.open(rude)
    await node.start("leave", "a")
    await node.start("call_leave", "b")
    assert (await node.finished("a")).status is Status.FAILED
    assert (await node.finished("b")).status is Status.FAILED
    await hub.close()


async def test_a_workflow_that_never_yields_fails_and_others_go_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.embedded.engine.Watchdog", partial(Watchdog, limit_seconds=0.1))
    busy = Registry()

    @busy.workflow
    async def spin() -> None:
        while True:
            pass

    @busy.workflow
    async def quick() -> str:
        return "done"

    node = await hub.open(busy)
    await node.start("spin", "a")
    await node.start("quick", "b")
    assert await node.result("b") == "done"
    info = await node.finished("a")
    assert info.status is Status.FAILED
    assert info.failure is not None
    assert info.failure.matches(perdure.ForbiddenInWorkflowError)
    await hub.close()
