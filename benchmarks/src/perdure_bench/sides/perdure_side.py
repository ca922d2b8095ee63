"""perdure's side on whatever ``PERDURE_BACKEND`` says: ``python -m`` this module."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import perdure
from perdure_bench.sides.serving import serve
from perdure_bench.sides.steps import BLOCKED_SECONDS, note_step
from perdure_bench.sides.timing import WAITING, first_line, late_by

if TYPE_CHECKING:
    from perdure_bench.sides.jobs import Shape

app = perdure.App("bench")


@app.activity
async def echo(value: int) -> int:
    """Give the value back."""
    return value


@app.activity
async def instant() -> float:
    """Say when this line runs."""
    return first_line()


@app.activity
async def lateness(due: float) -> float:
    """Say how late it is."""
    return late_by(due)


@app.activity
async def step(number: int) -> int:
    """Write down that this line runs; stay where it is told to."""
    if note_step(number):
        await asyncio.sleep(BLOCKED_SECONDS)
    return number


@app.workflow
async def chain(size: int) -> int:
    """Run activities one after the other."""
    value = 0
    for number in range(size):
        value = await echo(number)
    return value


@app.workflow
async def fan_out(size: int) -> int:
    """Run activities all at once."""
    return sum(await asyncio.gather(*(echo(number) for number in range(size))))


@app.workflow
async def child(value: int) -> int:
    """Run one activity."""
    return await echo(value)


@app.workflow
async def children(size: int) -> int:
    """Run child workflows one after the other."""
    value = 0
    for number in range(size):
        value = await child(number)
    return value


@app.workflow
async def first_activity(size: int) -> float:
    """Run one activity."""
    return await instant()


@app.workflow
async def event(size: int) -> float:
    """Wait for an event, then run an activity."""
    WAITING.add(perdure.current_workflow().instance_id)
    await perdure.wait_for_event("go", int)
    return await instant()


@app.workflow
async def timer(size: float) -> float:
    """Sleep, then run an activity."""
    due = perdure.now().timestamp() + size
    await asyncio.sleep(size)
    return await lateness(due)


@app.workflow
async def idle(size: int) -> int:
    """Wait for an event that does not come."""
    WAITING.add(perdure.current_workflow().instance_id)
    return await perdure.wait_for_event("go", int)


@app.workflow
async def steps(size: int) -> int:
    """Run activities that are written down, one after the other."""
    value = 0
    for number in range(size):
        value = await step(number)
    return value


_WORKFLOWS: dict[str, Any] = {
    each.name: each
    for each in (chain, fan_out, children, first_activity, event, timer, idle, steps)
}


class PerdureSide:
    """The app, open between connect and disconnect."""

    def __init__(self) -> None:
        self._opened = AsyncExitStack()
        self._client: perdure.Client

    async def connect(self) -> None:
        """Open the app, with a worker."""
        self._client = await self._opened.enter_async_context(app.run())

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Start an instance."""
        given = size if shape == "timer" else int(size)
        await self._client.start(_WORKFLOWS[shape], given, instance_id=instance_id)

    async def result(self, instance_id: str) -> float:
        """Wait for its result."""
        result: float = await self._client.get(None, instance_id).result()
        return result

    async def raise_event(self, instance_id: str) -> None:
        """Raise the event that it waits for."""
        await self._client.get(None, instance_id).raise_event("go", 1)

    async def disconnect(self) -> None:
        """Close the app."""
        await self._opened.aclose()


if __name__ == "__main__":
    serve(PerdureSide())
