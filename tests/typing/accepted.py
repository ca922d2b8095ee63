"""What a type checker must accept, and the types that it must see. Checked, never run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, Literal, NoReturn, assert_type
from uuid import UUID

import perdure
from perdure import (
    Activity,
    Call,
    ChildHandle,
    EventType,
    RetryPolicy,
    SyncHandle,
    Workflow,
    WorkflowHandle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine


@dataclass(frozen=True)
class Claim:
    id: str


@dataclass(frozen=True)
class Invoice:
    amount: int


app = perdure.App("claims")
registry = perdure.Registry()
app.include(registry)

decided = perdure.event_type("decided", bool)
limit = perdure.event_type("limit", int | None)
colour = perdure.event_type("colour", Literal["red", "green"])
names = perdure.event_type("names", list[str])
anything = perdure.event_type("anything")

assert_type(decided, EventType[bool])
assert_type(limit, EventType[int | None])
assert_type(colour, EventType[Literal["red", "green"]])
assert_type(names, EventType[list[str]])
assert_type(anything, EventType[Any])


@app.activity
async def fetch(invoice_id: str, *, fresh: bool = False) -> Invoice:
    return Invoice(len(invoice_id) + fresh)


@app.activity
def read(path: str) -> bytes:
    return path.encode()


@app.activity()
async def empty() -> None: ...


@registry.activity(
    name="charge-v2",
    retry=RetryPolicy(max_attempts=5, non_retryable=(ValueError, "billing.Refused")),
    timeout=timedelta(minutes=2),
    delivery="at_most_once",
)
def charge(claim: Claim, amount: int = 0) -> int:
    return amount


@app.workflow
async def remind(claim: Claim, times: int = 1) -> str:
    return claim.id * times


@app.workflow(name="settle-claim", patches=("reserve-first",))
async def settle(claim: Claim, *invoice_ids: str) -> int:
    first = await fetch("a", fresh=True)
    assert_type(first, Invoice)
    assert_type(await read("b"), bytes)
    assert_type(await empty(), None)
    assert_type(await charge(claim, amount=3), int)
    gathered = await asyncio.gather(*(fetch(invoice_id) for invoice_id in invoice_ids))
    assert_type(gathered, list[Invoice])
    async with asyncio.TaskGroup() as group:
        assert_type(group.create_task(charge(claim)), asyncio.Task[int])
    assert_type(asyncio.create_task(fetch("a")), asyncio.Task[Invoice])
    assert_type(await asyncio.wait_for(fetch("a"), 3), Invoice)
    patient = fetch.with_options(timeout=None, retry=RetryPolicy.none())
    assert_type(await patient("a", fresh=True), Invoice)
    return sum(invoice.amount for invoice in gathered)


@app.workflow
async def functions(claim: Claim) -> None:
    assert_type(await decided.wait(), bool)
    assert_type(await limit.wait(timeout=timedelta(days=2)), int | None)
    assert_type(await perdure.wait_for_event("decided", Claim, timeout=timedelta(1)), Claim)
    assert_type(await perdure.wait_for_event("limit", int | None), int | None)
    assert_type(await perdure.wait_for_event("anything"), Any)
    assert_type(perdure.now(), datetime)
    assert_type(perdure.uuid4(), UUID)
    assert_type(perdure.random(), Random)
    assert_type(perdure.patched("reserve-first"), bool)
    info = perdure.current_workflow()
    assert_type(info.instance_id, str)
    assert_type(info.is_replaying, bool)
    perdure.logger().info("hello %s", claim.id)
    perdure.set_custom_status({"paid": False})


@app.workflow
async def children(claim: Claim) -> str:
    assert_type(await remind(claim, times=2), str)
    child = perdure.start_child(
        remind.bind(claim), instance_id=f"r-{claim.id}", on_parent_end="abandon"
    )
    assert_type(child, ChildHandle[str])
    assert_type(child.instance_id, str)
    return await child.result()


@app.workflow
async def loop(number: int) -> int:
    if number < 3:
        perdure.continue_as_new(number + 1)
    return number


def never_comes_back() -> NoReturn:
    perdure.continue_as_new(loop.bind(3))


def definitions_keep_their_types() -> None:
    activity: Activity[[str], bytes] = read
    also: Activity[..., object] = fetch
    workflow: Workflow[[int], int] = loop
    renamed: Workflow[[int], int] = loop.with_options(name="loop-v2")
    assert_type(read.local("x"), bytes)
    coroutine: Coroutine[Any, Any, Invoice] = fetch.local("x", fresh=True)
    coroutine.close()
    function: Callable[[str], bytes] = read.local
    call: Call[int] = loop.bind(3)
    assert_type(fetch.bind("x", fresh=True), Call[Invoice])
    assert_type(call.workflow.name, str)
    use(activity, also, workflow, renamed, function)


async def clients(claim: Claim) -> None:
    async with app.run() as client:
        handle = await client.start(remind, claim, 2, instance_id="r-1", if_exists="attach")
        assert_type(handle, WorkflowHandle[str])
        assert_type(await handle.result(timeout=timedelta(minutes=1)), str)
        assert_type(await client.start(remind, claim), WorkflowHandle[str])
        assert_type(await client.start(settle.bind(claim, "a", "b")), WorkflowHandle[int])
        assert_type(await client.start("by-name", arguments={"a": 1}), WorkflowHandle[Any])
        assert_type(client.get(settle, "claim-17"), WorkflowHandle[int])
        await handle.raise_event(decided, True)
        await handle.raise_event(limit, None)
        await handle.raise_event("by-name", {"any": "thing"})
        async for found in client.list(status=["running"], since=timedelta(hours=1)):
            assert_type(found.instance_id, str)


def sync_clients(claim: Claim) -> None:
    with app.client() as client:
        handle = client.start(loop, 3)
        assert_type(handle, SyncHandle[int])
        assert_type(handle.result(), int)
        assert_type(client.get(settle, "claim-17").result(), int)
        handle.raise_event(decided, False)
        for found in client.list(name="settle"):
            assert_type(found.instance_id, str)


def use(*values: object) -> None: ...
