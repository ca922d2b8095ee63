"""Microsoft's own SDK on the patterns whose actions are counted: ``python -m`` this module."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from durabletask import task

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
from perdure_bench.sides.azure_side import NativeSide
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from collections.abc import Generator

    Program = Generator[Any, Any, None]

_flaky = Flaky()
_MOMENT = timedelta(seconds=RETRY_SECONDS)
_LONG = timedelta(seconds=LONG_SECONDS)


def act(context: Any, number: int) -> int:
    """Give the number back."""
    return number


def flaky(context: Any, _: Any = None) -> str:
    """Work each third time."""
    return _flaky.run()


def sequence(context: Any, _: Any) -> Program:
    """Run three activities."""
    for number in range(3):
        yield context.call_activity(act, input=number)


def fan_of_five(context: Any, _: Any) -> Program:
    """Run five at once."""
    yield task.when_all([context.call_activity(act, input=number) for number in range(5)])


def one_timer(context: Any, _: Any) -> Program:
    """Wait for a moment."""
    yield context.create_timer(_MOMENT)


def with_deadlines(context: Any, _: Any) -> Program:
    """Run activities, each against a timer."""
    for number in range(COUNT_TO):
        deadline = context.create_timer(_LONG)
        yield task.when_any([context.call_activity(act, input=number), deadline])
        deadline.cancel()


def retried(context: Any, _: Any) -> Program:
    """Run what fails twice."""
    policy = task.RetryPolicy(first_retry_interval=_MOMENT, max_number_of_attempts=3)
    yield context.call_activity(flaky, retry_policy=policy)


def one_event(context: Any, _: Any) -> Program:
    """Wait for an event."""
    yield context.wait_for_external_event("go")


def with_child(context: Any, _: Any) -> Program:
    """Have a child run the sequence."""
    yield context.call_sub_orchestrator(sequence)


def with_named_child(context: Any, _: Any) -> Program:
    """Have a child run it under an id of its own."""
    yield context.call_sub_orchestrator(sequence, instance_id=f"{context.instance_id}-child")


def four_runs(context: Any, left: int | None) -> None:
    """Begin anew three times."""
    left = 3 if left is None else left
    if left:
        context.continue_as_new(left - 1)


_ORCHESTRATORS = (
    sequence,
    fan_of_five,
    one_timer,
    with_deadlines,
    retried,
    one_event,
    with_child,
    with_named_child,
    four_runs,
)


class CountedSide(NativeSide):
    """A worker of the patterns, and a client, between connect and disconnect."""

    async def connect(self) -> None:
        """Start a worker and make a client."""
        self.open(_ORCHESTRATORS, (act, flaky))

    async def do(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run a program once, to its end.

        Raises:
            ValueError: It ended otherwise than it should.
        """
        program, instance_id = order_of(order)
        await self._client.schedule_new_orchestration(workflow_of(program), instance_id=instance_id)
        await self._client.wait_for_orchestration_start(instance_id, timeout=int(DRIVE_SECONDS))
        await drive(self, program, instance_id)
        state = await self._client.wait_for_orchestration_completion(
            instance_id, timeout=int(DRIVE_SECONDS)
        )
        wanted = "TERMINATED" if program == "ended" else "COMPLETED"
        if state is None or state.runtime_status.name != wanted:
            raise ValueError(f"{instance_id} is not {wanted}: {state}")
        return {}

    async def suspend(self, instance_id: str) -> None:
        """Put it on hold."""
        await self._client.suspend_orchestration(instance_id)

    async def resume(self, instance_id: str) -> None:
        """Lift the hold."""
        await self._client.resume_orchestration(instance_id)

    async def terminate(self, instance_id: str) -> None:
        """End it by force."""
        await self._client.terminate_orchestration(instance_id)


if __name__ == "__main__":
    logging.disable(logging.INFO)
    side = CountedSide()
    serve(side, more={"do": side.do})
