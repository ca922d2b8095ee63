"""Workflows whose journals a vendor's history does not show by itself."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import perdure
from tests.bridge.programs import add, app, approvals, echo, flaky, same


@dataclass
class Size:
    """A result whose JSON text another writer would write in another way."""

    metres: float
    label: str


@app.workflow
async def hurrying(count: int) -> str:
    """Schedule more than anybody waits for, some of it in the last moment."""
    left: list[Any] = []
    for number in range(count):
        left.append(asyncio.ensure_future(add(number, 1)))
        await perdure.wait_for_event("tick")
        left.append(asyncio.ensure_future(asyncio.sleep(number)))
    left.append(asyncio.ensure_future(add(count, count)))
    perdure.start_child(echo.bind("never"))
    await asyncio.sleep(0)
    return "gone"


@app.workflow
async def measuring(steps: int) -> Size:
    for _ in range(steps):
        await asyncio.sleep(1)
    return Size(metres=1e-7, label="\u00e9\u2028\U0001f600")


@app.workflow
async def pausing(steps: int) -> Any:
    """Create timers that nothing carries, and cancel most of them."""
    seen = []
    for number in range(steps):
        try:
            wait = timedelta(seconds=50 - number)
            seen.append(await perdure.wait_for_event("a", timeout=wait))
        except TimeoutError:
            async with asyncio.timeout(0.001):
                seen.append(await perdure.wait_for_event("b"))
    await asyncio.sleep(7)
    return seen


@app.workflow
async def family(rounds: int) -> list[str]:
    """Start children of every kind and wait for most of them."""
    ends = []
    for number in range(rounds):
        children = [
            perdure.start_child(echo.bind(number)),
            perdure.start_child(echo.bind([number]), instance_id=f"chosen-{number}"),
            perdure.start_child(echo.bind(None), on_parent_end="abandon"),
        ]
        perdure.start_child(approvals.bind(["never"]), instance_id=f"tied-{number}")
        for child in children:
            try:
                ends.append(repr(await child.result()))
            except (perdure.WorkflowFailedError, perdure.WorkflowTerminatedError) as error:
                ends.append(type(error).__name__)
    perdure.start_child(approvals.bind(["never"]), on_parent_end="abandon")
    return ends


@app.workflow
async def hasty(fails: int) -> int:
    """Retry with timers while calls with deadlines go on."""
    work = asyncio.ensure_future(flaky(fails))
    total = 0
    while not work.done():
        try:
            async with asyncio.timeout(0.7):
                total += await add(total, 1)
        except TimeoutError:
            total += 100
    return total + await work


@app.workflow
async def gathering(names: list[str]) -> list[Any]:
    """Let each event lead to an activity, and end with the first that has its answer."""

    async def one(name: str) -> int:
        value = await perdure.wait_for_event(name)
        return await add(value, 1)

    tasks = [asyncio.ensure_future(one(name)) for name in names]
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    return sorted([await task for task in done])


@app.workflow
async def hasty_then_adding() -> int:
    """Have a timer, then an event, then an activity."""
    async with asyncio.timeout(60):
        await perdure.wait_for_event("go")
    async with asyncio.timeout(60):
        return await add(1, 1)


@app.workflow
async def waiting_often(times: int) -> int:
    """Create a timer with each event, under one that is always the first to fire."""
    first = asyncio.ensure_future(asyncio.sleep(5))
    taken = 0
    while taken < times:
        await perdure.wait_for_event("tick", timeout=timedelta(hours=1))
        taken += 1
    await perdure.wait_for_event("done")
    first.cancel()
    return taken


@app.workflow
async def boasting(characters: int) -> str:
    """Ask for something large just before the end."""
    await perdure.wait_for_event("a")
    work = asyncio.ensure_future(same("x" * characters))
    await perdure.wait_for_event("b")
    work.cancel()
    return "gone"


@app.workflow
async def listing(count: int) -> list[float]:
    """Return much whose JSON text another writer would write in another way."""
    return [1e-7] * count


@app.workflow
async def announcing_then_waiting(left: int) -> int:
    """Show something in the first run, and have a timer that nothing carries in the second."""
    if left > 1:
        perdure.set_custom_status("begun")
        await perdure.wait_for_event("tick")
        perdure.continue_as_new(left - 1)
    await perdure.wait_for_event("go", timeout=timedelta(hours=1))
    return await add(1, 1)


DARK: list[tuple[str, dict[str, Any]]] = [
    ("hurrying", {"count": 3}),
    ("measuring", {"steps": 2}),
    ("pausing", {"steps": 3}),
    ("family", {"rounds": 2}),
    ("hasty", {"fails": 2}),
    ("gathering", {"names": ["a", "b", "tick"]}),
]

__all__ = ["DARK", "app"]
