"""Programs of perdure whose actions are counted; most have a twin of Microsoft's SDK."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import perdure

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from perdure import Client, Workflow, WorkflowHandle

    Start = Callable[[Client], Awaitable[WorkflowHandle[Any]]]
    Program = tuple[Start, Callable[[WorkflowHandle[Any]], Awaitable[None]] | None]

INSTANT: Final = timedelta(milliseconds=1)
LONG_SECONDS: Final = 3_600
_POLL_SECONDS: Final = 0.01

registry = perdure.Registry()


class Flaky:
    """How often the activity that fails was tried."""

    tries = 0


@registry.activity
async def act(number: int) -> int:
    """Give the number back."""
    return number


@registry.activity(retry=perdure.RetryPolicy(initial_interval=INSTANT, max_attempts=3))
async def flaky() -> str:
    """Work the third time."""
    Flaky.tries += 1
    if Flaky.tries < 3:
        raise ValueError("not yet")
    return "done"


@registry.workflow
async def sequence() -> None:
    """Run three activities."""
    for number in range(3):
        await act(number)


@registry.workflow(patches=("none-that-matters",))
async def patched_sequence() -> None:
    """Do the same, with a patch declared."""
    for number in range(3):
        await act(number)


@registry.workflow
async def fan_out() -> None:
    """Run five at once."""
    await asyncio.gather(*(act(number) for number in range(5)))


@registry.workflow
async def one_timer() -> None:
    """Wait for a moment."""
    await asyncio.sleep(INSTANT.total_seconds())


@registry.workflow
async def one_event() -> None:
    """Wait for an event."""
    await perdure.wait_for_event("go")


@registry.workflow
async def with_child() -> None:
    """Have a child run the sequence."""
    await sequence()


@registry.workflow
async def with_named_child() -> None:
    """Have a child run it under an id of its own."""
    name = f"{perdure.current_workflow().instance_id}-child"
    await perdure.start_child(sequence.bind(), instance_id=name).result()


@registry.workflow
async def with_abandoned_child() -> None:
    """Have a child run it that would outlive its parent."""
    await perdure.start_child(sequence.bind(), on_parent_end="abandon").result()


@registry.workflow
async def ends_before_children() -> None:
    """End while two children still wait."""
    perdure.start_child(one_event.bind())
    perdure.start_child(one_event.bind())
    await act(0)


@registry.workflow
async def retried() -> None:
    """Run what fails twice."""
    await flaky()


@registry.workflow
async def four_runs(left: int = 3) -> None:
    """Begin anew three times."""
    if left:
        perdure.continue_as_new(left - 1)


@registry.workflow
async def with_deadlines() -> None:
    """Run twenty activities, each against a deadline."""
    for number in range(20):
        async with asyncio.timeout(LONG_SECONDS):
            await act(number)


async def settled(client: Client) -> None:
    """Wait for all instances that were started."""
    while [info async for info in client.list() if not info.status.is_terminal]:
        await asyncio.sleep(_POLL_SECONDS)


async def _raise_event(handle: WorkflowHandle[Any]) -> None:
    await handle.raise_event("go")


async def _hold(handle: WorkflowHandle[Any]) -> None:
    await handle.suspend()
    await handle.resume()
    await handle.raise_event("go")


async def _end(handle: WorkflowHandle[Any]) -> None:
    await handle.terminate()


async def _rerun(handle: WorkflowHandle[Any]) -> None:
    await handle.wait()
    # The first of the three is kept; the commands count from 1.
    await handle.rerun(from_command=2)


async def _cancel(handle: WorkflowHandle[Any]) -> None:
    await handle.cancel()


def _started(workflow: Workflow[[], None]) -> Start:
    return lambda client: client.start(workflow)


def _limited(client: Client) -> Awaitable[WorkflowHandle[Any]]:
    return client.start(sequence, execution_timeout=timedelta(seconds=LONG_SECONDS))


def _delayed(client: Client) -> Awaitable[WorkflowHandle[Any]]:
    return client.start(sequence, start_at=datetime.now(UTC) + timedelta(seconds=0.2))


PROGRAMS: Final[dict[str, Program]] = {
    "sequence": (_started(sequence), None),
    "fan_out": (_started(fan_out), None),
    "one_timer": (_started(one_timer), None),
    "one_event": (_started(one_event), _raise_event),
    "with_child": (_started(with_child), None),
    "retried": (_started(retried), None),
    "four_runs": (lambda client: client.start(four_runs), None),
    "held": (_started(one_event), _hold),
    "ended": (_started(one_event), _end),
    "patched_sequence": (_started(patched_sequence), None),
    "with_named_child": (_started(with_named_child), None),
    "with_abandoned_child": (_started(with_abandoned_child), None),
    "ends_before_children": (_started(ends_before_children), None),
    "delayed": (_delayed, None),
    "limited": (_limited, None),
    "rerun": (_started(sequence), _rerun),
    "with_deadlines": (_started(with_deadlines), None),
    "cancelled": (_started(one_event), _cancel),
}
