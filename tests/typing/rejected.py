"""What a type checker must reject: every line so marked and no other. Checked, never run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import perdure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True)
class Claim:
    id: str


app = perdure.App("claims")
decided = perdure.event_type("decided", bool)


@app.activity
async def fetch(invoice_id: str, *, fresh: bool = False) -> int:
    return len(invoice_id)


@app.activity(timeout=timedelta(minutes=2))
def read(path: str) -> bytes:
    return path.encode()


@app.workflow
async def remind(claim: Claim, times: int = 1) -> str:
    return claim.id * times


@app.workflow  # error: a workflow is async def
def plain(claim: Claim) -> str:
    return claim.id


@app.workflow(name="also-plain")  # error: a workflow is async def
def also_plain(claim: Claim) -> str:
    return claim.id


@app.workflow  # error: no generators
async def many(claim: Claim) -> AsyncIterator[str]:
    yield claim.id


@app.activity(timeout=30)  # error: a timedelta
async def hurried() -> None: ...


@app.activity(retry=3)  # error: a RetryPolicy
async def stubborn() -> None: ...


@app.activity(delivery="exactly_once")  # error: nobody can promise that
async def exact() -> None: ...


@app.workflow(retry=perdure.RetryPolicy())  # error: retries are for activities
async def retried() -> None: ...


@app.workflow
async def calls(claim: Claim) -> None:
    await fetch()  # error: missing argument
    await fetch(3)  # error: wrong type
    await fetch("a", "b")  # error: too many
    await fetch("a", stale=True)  # error: unknown name
    await read(claim)  # error: wrong type, through the decorator with options
    await remind("c-1")  # error: wrong type
    await remind(claim, times="2")  # error: wrong type
    fetch("a")  # error: never awaited
    number: str = await fetch("a")  # error: it gives an int
    text: str = await read("a")  # error: it gives bytes
    use(number, text)


async def options(claim: Claim) -> None:
    await fetch.with_options(attempts=3)("a")  # error: no such option
    await fetch.with_options(timeout=3)("a")  # error: a timedelta
    await fetch.with_options(name="f")(1)  # error: the parameters stay
    remind.with_options(timeout=timedelta(1))  # error: not an option of a workflow
    fetch.bind()  # error: missing argument
    remind.bind("c-1")  # error: wrong type
    fetch.local()  # error: missing argument
    wrong: int = read.local("a")  # error: it gives bytes
    call: perdure.Call[int] = remind.bind(claim)  # error: a call of a str
    use(wrong, call)


async def children(claim: Claim) -> None:
    perdure.start_child(remind)  # error: a call is wanted, remind.bind(…)
    perdure.start_child(remind.bind(claim), instance_id=7)  # error: a str
    perdure.start_child(remind.bind(claim), on_parent_end="forget")  # error: terminate or abandon
    perdure.start_child(remind.bind(claim), "r-1")  # error: options go by name
    handle: perdure.ChildHandle[int] = perdure.start_child(remind.bind(claim))  # error: of a str
    result: int = await handle.result()
    use(result)


async def events() -> None:
    perdure.event_type("decided", 3)  # error: no type
    perdure.event_type(bool)  # error: the name comes first
    decision: str = await decided.wait()  # error: it gives a bool
    await decided.wait(timeout=3)  # error: a timedelta
    by_name: str = await perdure.wait_for_event("decided", bool)  # error: it gives a bool
    await perdure.wait_for_event("decided", bool, timedelta(1))  # error: timeout goes by name
    decided.wait()  # error: never awaited
    use(decision, by_name)


async def functions() -> None:
    moment: float = perdure.now()  # error: it gives a datetime
    perdure.patched(3)  # error: a str
    info = perdure.current_workflow()
    info.run_id = "other"  # error: it cannot be changed
    use(info.input)  # error: no such attribute
    task = asyncio.create_task(fetch)  # error: a coroutine is wanted, fetch(…)
    use(moment, task)


async def clients(claim: Claim) -> None:
    async with app.run() as client:
        await client.start(remind)  # error: missing argument
        await client.start(remind, "c-1")  # error: wrong type
        await client.start(remind, claim, 2, 3)  # error: too many
        await client.start(fetch, "a")  # error: an activity is not started
        await client.start(remind, claim, if_exists="maybe")  # error: no such choice
        await client.start(remind, claim, start_at=3)  # error: a datetime
        handle = client.get(remind, "c-1")
        wrong: int = await handle.result()  # error: it gives a str
        await handle.raise_event(decided, "yes")  # error: it carries a bool
        await handle.raise_event(decided)  # error: its value is missing
        use(wrong)
    with app.client() as sync_client:
        sync_client.start(remind, 3)  # error: wrong type
        also_wrong: int = sync_client.get(remind, "c-1").result()  # error: it gives a str
        use(also_wrong)


def unrelated(value: Any) -> None:
    perdure.Workflow(plain_function)  # error: a workflow is async def
    use(perdure.orchestrator)  # error: no such name
    activity: perdure.Activity[[int], int] = fetch  # error: other parameters
    use(value, activity)


def plain_function() -> None: ...


def use(*values: object) -> None: ...
