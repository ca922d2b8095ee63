"""perdure's side of the patterns whose actions are counted: ``python -m`` this module."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import perdure
from perdure_bench.billing.journals import count_instances
from perdure_bench.billing.patterns import (
    COUNT_TO,
    DRIVE_SECONDS,
    LONG_SECONDS,
    RETRY_SECONDS,
    Flaky,
    drive,
    order_of,
    workflow_of,
)
from perdure_bench.sides.perdure_side import PerdureSide, app
from perdure_bench.sides.serving import serve

_LOOK_SECONDS = 0.01
_RETRY = perdure.RetryPolicy(initial_interval=timedelta(seconds=RETRY_SECONDS), max_attempts=3)

_flaky = Flaky()


@app.activity
async def act(number: int) -> int:
    """Give the number back."""
    return number


@app.activity(retry=_RETRY)
async def flaky() -> str:
    """Work each third time."""
    return _flaky.run()


@app.workflow
async def sequence() -> None:
    """Run three activities."""
    for number in range(3):
        await act(number)


@app.workflow
async def fan_of_five() -> None:
    """Run five at once."""
    await asyncio.gather(*(act(number) for number in range(5)))


@app.workflow
async def one_timer() -> None:
    """Wait for a moment."""
    await asyncio.sleep(RETRY_SECONDS)


@app.workflow
async def with_deadlines() -> None:
    """Run activities, each against a deadline."""
    for number in range(COUNT_TO):
        async with asyncio.timeout(LONG_SECONDS):
            await act(number)


@app.workflow
async def retried() -> None:
    """Run what fails twice."""
    await flaky()


@app.workflow
async def one_event() -> None:
    """Wait for an event."""
    await perdure.wait_for_event("go")


@app.workflow
async def with_child() -> None:
    """Have a child run the sequence."""
    await sequence()


@app.workflow
async def with_named_child() -> None:
    """Have a child run it under an id of its own."""
    name = f"{perdure.current_workflow().instance_id}-child"
    await perdure.start_child(sequence.bind(), instance_id=name).result()


@app.workflow
async def four_runs(left: int = 3) -> None:
    """Begin anew three times."""
    if left:
        perdure.continue_as_new(left - 1)


class CountedSide(PerdureSide):
    """The app with the patterns, open between connect and disconnect."""

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run a program once, to its end and that of its children; return what journals say."""
        program, instance_id = order_of(order)
        async with asyncio.timeout(DRIVE_SECONDS):
            await self._client.start(workflow_of(program), instance_id=instance_id)
            await drive(self, program, instance_id)
            await self._client.get(None, instance_id).wait()
            infos = [info async for info in self._client.list(id_prefix=instance_id)]
            while not all(info.status.is_terminal for info in infos):
                await asyncio.sleep(_LOOK_SECONDS)
                infos = [info async for info in self._client.list(id_prefix=instance_id)]
        counted = await count_instances(self._client, [info.instance_id for info in infos])
        return dict(counted.kinds)

    async def suspend(self, instance_id: str) -> None:
        """Put it on hold."""
        await self._client.get(None, instance_id).suspend()

    async def resume(self, instance_id: str) -> None:
        """Lift the hold."""
        await self._client.get(None, instance_id).resume()

    async def terminate(self, instance_id: str) -> None:
        """End it by force."""
        await self._client.get(None, instance_id).terminate()


if __name__ == "__main__":
    side = CountedSide()
    serve(side, more={"do": side.do})
