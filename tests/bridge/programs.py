"""The workflows that the tests of the bridge run, and bridges that run them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from durabletask import task

import perdure
from perdure._program import RegistryProgram
from perdure.spi.bridge import Bridge, Sdk
from perdure.types import OnParentEnd  # noqa: TC001 - the converters read it

if TYPE_CHECKING:
    from datetime import datetime

    from perdure.registry import Registry
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.bridge.run import Run
    from perdure.spi.history import HistoryEvent

SDK = Sdk(
    composite_task=task.CompositeTask,
    completable_task=task.CompletableTask,
    non_determinism_error=task.NonDeterminismError,
)


def create_timer(context: Any, fire_at: datetime, text: str) -> Any:
    """Create a timer that bears a text. The SDK of these tests has no room for it: the host has."""
    timer = context.create_timer(fire_at)
    context._registry.timer_texts[context._sequence_number] = text
    return timer


OTHER_SDK = replace(SDK, create_timer=create_timer, detaches_children=True)
"""The SDK with the ways of another: timers bear notes, and some children are started apart."""


class WatchedBridge(Bridge):
    """Keeps the journals of runs that are over, and the run that was executed last."""

    def __init__(self, registry: Registry, *, sdk: Sdk = SDK, **options: Any) -> None:
        self.parked: list[tuple[str, str]] = []
        self.last: Run | None = None
        super().__init__(
            RegistryProgram(registry),
            sdk=sdk,
            on_parked=lambda instance_id, reason: self.parked.append((instance_id, reason)),
            **options,
        )
        self.journals: list[list[HistoryEvent]] = []

    def begin(self, opening: Opening) -> Run:
        self.last = super().begin(opening)
        return self.last

    def end(self, instance_id: str, run: Run) -> None:
        self.journals.append(run.journal)
        super().end(instance_id, run)


app = perdure.App("bridge-tests")
once = perdure.RetryPolicy.none()
again = perdure.RetryPolicy(max_attempts=3, initial_interval=timedelta(seconds=1))


@app.activity(retry=once)
async def add(a: int, b: int) -> int:
    return a + b


@app.activity(retry=again)
async def flaky(fails: int) -> int:
    attempt = perdure.current_activity().attempt
    if attempt <= fails:
        raise KeyError(f"attempt {attempt}")
    return attempt


@app.activity(retry=once)
async def same(value: Any) -> Any:
    return value


@app.workflow
async def chain(steps: int) -> int:
    total = 0
    for _ in range(steps):
        total = await add(total, 1)
    return total


@app.workflow
async def fan(width: int) -> int:
    return sum(await asyncio.gather(*(add(i, 1) for i in range(width))))


@app.workflow
async def retrying(fails: int) -> int:
    return await flaky(fails)


@app.workflow
async def echo(value: Any) -> Any:
    return await same(value)


@app.workflow
async def timeouts(calls: int) -> int:
    total = 0
    for _ in range(calls):
        async with asyncio.timeout(60):
            total = await add(total, 1)
    return total


@app.workflow
async def approvals(names: list[str]) -> list[Any]:
    return [await perdure.wait_for_event(name) for name in names]


@app.workflow
async def impatient(seconds: float) -> Any:
    try:
        return await perdure.wait_for_event("approval", timeout=timedelta(seconds=seconds))
    except TimeoutError:
        return ["late", await perdure.wait_for_event("approval")]


@app.workflow
async def counting(left: int, seen: list[Any]) -> list[Any]:
    seen = [*seen, await perdure.wait_for_event("tick")]
    if left > 1:
        perdure.continue_as_new(left - 1, seen)
    return seen


@app.workflow
async def parent(value: int) -> int:
    return await chain(value) + 1


@app.workflow
async def leaving(policy: OnParentEnd, waits: bool) -> str:
    perdure.start_child(approvals.bind(["never"]), on_parent_end=policy)
    if waits:
        await add(1, 1)
    return "gone"


@app.workflow
async def showing(steps: int) -> str:
    for step in range(steps):
        perdure.set_custom_status({"step": step})
        await add(step, 1)
    return "shown"


@app.workflow
async def sleeping(width: int) -> int:
    await asyncio.gather(*(asyncio.sleep(60 + i) for i in range(width)))
    return width


@app.workflow
async def resting(left: int, seen: list[Any]) -> list[Any]:
    """Take an event only if it is there already, and end the run with an activity's answer."""
    await add(left, 1)
    try:
        async with asyncio.timeout(0):
            seen = [*seen, await perdure.wait_for_event("tick")]
    except TimeoutError:
        pass
    if left > 1:
        perdure.continue_as_new(left - 1, seen)
    while len(seen) < 3:
        seen = [*seen, await perdure.wait_for_event("tick")]
    return seen


@app.workflow
async def racing(left: int) -> int:
    work = asyncio.ensure_future(add(left, 1))
    if left > 1:
        await perdure.wait_for_event("tick")
        perdure.continue_as_new(left - 1)
    return await work


@app.workflow
async def announcing(left: int) -> None:
    if left > 1:
        perdure.set_custom_status("two left")
    await perdure.wait_for_event("tick")
    perdure.continue_as_new(left - 1)


@app.workflow
async def relaying(value: Any) -> Any:
    return await echo(value)


@app.workflow
async def hearing(fails: int) -> list[str]:
    try:
        await retrying(fails)
    except perdure.WorkflowFailedError as error:
        return [error.failure.type, error.failure.message.split("attempts: ")[1]]
    except perdure.WorkflowTerminatedError as error:
        return ["terminated", error.reason]
    return []


passed: list[int] = []
"""Where the code of a workflow has come by; -1 is its teardown."""


@app.workflow
async def passing(steps: int) -> int:
    total = 0
    for step in range(steps):
        passed.append(step)
        total = await add(total, 1)
    return total


@app.workflow
async def first_of(width: int) -> list[int]:
    tasks = [asyncio.ensure_future(add(i, 0)) for i in range(width)]
    order = [await task for task in asyncio.as_completed(tasks)]
    await perdure.wait_for_event("go")
    return order


@app.workflow
async def cleaning() -> None:
    try:
        await add(1, 1)
    finally:
        passed.append(-1)
        await add(2, 2)


@app.workflow
async def racing_all(width: int) -> list[int]:
    """Take the fastest of several within a time, then all of them."""
    tasks = [asyncio.ensure_future(add(i, 0)) for i in range(width)]
    await asyncio.wait(tasks, timeout=10, return_when=asyncio.FIRST_COMPLETED)
    return [await task for task in asyncio.as_completed(tasks)]


@app.workflow
async def racing_fan(width: int) -> int:
    """Look at each answer as it comes, with a time limit on all."""
    total = 0
    async with asyncio.timeout(3_600):
        for task in asyncio.as_completed([add(i, 1) for i in range(width)]):
            total += await task
    return total


@app.workflow
async def tour(width: int) -> list[Any]:
    """Use a bit of everything."""
    totals = await asyncio.gather(*(add(i, 1) for i in range(width)))
    await asyncio.sleep(0.1)
    event = await perdure.wait_for_event("go", dict[str, Any])
    child = await chain(3)
    attempts = await quick(1)
    try:
        await perdure.wait_for_event("never", timeout=timedelta(seconds=0.2))
    except TimeoutError:
        return [totals, event, child, attempts, "late"]
    return []


@app.activity(retry=perdure.RetryPolicy(max_attempts=2, initial_interval=timedelta(0)))
def quick(fails: int) -> int:
    """Fail at first, in a thread."""
    attempt = perdure.current_activity().attempt
    if attempt <= fails:
        raise KeyError(f"attempt {attempt}")
    return attempt


@app.activity(retry=once)
async def dawdle(seconds: float, value: str) -> str:
    await asyncio.sleep(seconds)
    return value


@app.workflow
async def outlived(left: int) -> str:
    """Leave an activity behind; the next run has one of the same number."""
    if left > 1:
        work = asyncio.ensure_future(dawdle(0.3, "first"))
        await asyncio.sleep(0.1)
        assert not work.done()
        perdure.continue_as_new(left - 1)
    return await dawdle(0.6, "second")


@app.workflow
async def leaving_by_name(child_id: str) -> str:
    perdure.start_child(approvals.bind(["never"]), instance_id=child_id)
    await add(1, 1)
    return "gone"


@app.workflow
async def minding(child_id: str) -> str:
    child = perdure.start_child(approvals.bind(["never"]), instance_id=child_id)
    try:
        await child.result()
    except perdure.WorkflowTerminatedError:
        return "terminated"
    return "completed"
