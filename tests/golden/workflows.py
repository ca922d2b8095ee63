"""The workflows of the golden journals.

They are never changed: the journals must replay for as long as their format is read. A new
behaviour gets a new workflow and a new journal. Needs only the standard library and the replay
core.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from perdure._replay import ActivityCall, ChildCall, WorkflowDefinition, require_executor
from perdure.errors import ActivityError, PayloadError, WorkflowFailedError
from perdure.types import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from perdure._replay import WorkflowExecutor

_who: contextvars.ContextVar[str] = contextvars.ContextVar("who", default="nobody")
RETRIES = RetryPolicy(max_attempts=3, jitter=0.25, non_retryable=("builtins.KeyError", KeyError))


def this() -> WorkflowExecutor:
    """Return the executor."""
    return require_executor("a golden workflow")


async def act(name: str, *values: Any, retry: RetryPolicy = RETRIES) -> Any:
    """Run an activity."""
    call = ActivityCall(name=name, encode=lambda: json.dumps(values), retry=retry)
    return json.loads(await this().call_activity(call))


async def event(name: str) -> Any:
    """Wait for an event."""
    return json.loads(await this().wait_for_event(name))


async def retries_and_draws() -> Any:
    """A chain with retries, draws of every kind and a status."""
    drawn = [str(this().uuid4()), this().random.random()]
    this().set_custom_status('"charging"')
    receipt = await act("charge", drawn)
    await asyncio.sleep(this().random.randrange(5, 50))
    with contextlib.suppress(ActivityError):
        await act("refused")
    this().set_custom_status('"charged"')
    return [receipt, drawn, str(this().uuid4()), this().now().isoformat()]


async def approval_with_reminders() -> Any:
    """An event with a deadline that is moved, and reminders meanwhile."""

    async def remind() -> None:
        number = 0
        while True:
            await asyncio.sleep(3_600)
            number += 1
            await act("remind", number)

    reminders = asyncio.create_task(remind())
    try:
        async with asyncio.timeout(4 * 3_600) as limit:
            first = await event("approval")
            limit.reschedule(this().now().timestamp() + 1_800)
            return [first, await event("approval")]
    except TimeoutError:
        return "nobody approved"
    finally:
        reminders.cancel()
        await act("close", reminders.cancelled())


async def races() -> Any:
    """Sets of tasks: the first to end, in batches, and what is left is cancelled."""

    async def part(number: int) -> int:
        try:
            value: int = await act(f"part {number}")
        except asyncio.CancelledError:
            await act(f"undo {number}")
            raise
        return value

    left = {asyncio.create_task(part(number)) for number in range(12)}
    seen: list[int] = []
    while len(left) > 5:
        done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        seen += [task.result() for task in done]
        await act("seen", *seen)
    for task in left:
        task.cancel()
    await asyncio.wait(left)
    for arrival in asyncio.as_completed([act("x"), act("y"), act("z")], timeout=60):
        try:
            seen.append(await arrival)
        except TimeoutError:
            seen.append(-1)
    return seen


async def groups_and_timeouts() -> Any:
    """Errors, deadlines and cancellations that meet in task groups."""
    notes: list[str] = []

    async def part(name: str, error: Exception | None = None) -> None:
        try:
            await act(name)
        finally:
            notes.append(name)
            if error is not None:
                raise error

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(part("a"))
            group.create_task(part("b", KeyError("b")))
            await part("body", OSError("body"))
    except* KeyError:
        await act("key")
    except* OSError:
        await act("os")
    try:
        async with asyncio.timeout(10):
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(part("slow", ValueError("slow")))
            except* ValueError:
                await act("given up at once")
    except TimeoutError:
        notes.append("timeout")
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.shield(act("shielded")), 5)
    return notes


async def shared_objects() -> Any:
    """Queues, locks, semaphores, conditions and events between tasks."""
    queue: asyncio.Queue[Any] = asyncio.Queue(2)
    lock, limit, changed = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Condition()
    flag, stock = asyncio.Event(), [0]

    async def produce(number: int) -> None:
        async with limit:
            await queue.put(await act("make", number))
        async with changed:
            stock[0] += 1
            changed.notify_all()

    async def consume() -> list[Any]:
        got = []
        for _ in range(4):
            async with lock:
                got.append(await queue.get())
                await act("ship", got[-1])
        flag.set()
        return got

    async def audit() -> int:
        async with changed:
            await changed.wait_for(lambda: stock[0] >= 3)
        await flag.wait()
        return stock[0]

    tasks = [asyncio.create_task(produce(number)) for number in range(4)]
    results = await asyncio.gather(consume(), audit(), *tasks)
    return results[:2]


async def children() -> Any:
    """Children: awaited, left alone, failed, given up and taken up again."""
    made = ChildCall(workflow="kid", encode=lambda: '{"n":1}')
    named = ChildCall(
        workflow="kid", encode=lambda: '{"n":2}', instance_id="kid-2", on_parent_end="abandon"
    )
    first, second = this().start_child(made), this().start_child(named)
    notes: list[Any] = [first.instance_id, second.instance_id]
    try:
        async with asyncio.timeout(30):
            await second.result()
    except TimeoutError:
        notes.append("late")
    try:
        await first.result()
    except WorkflowFailedError as error:
        notes.append(error.failure.message)
    return [*notes, await second.result()]


async def goes_on_as_new() -> Any:
    """Consumes some of its events and carries the rest on, out of a task group."""
    async with asyncio.TaskGroup() as group:
        group.create_task(event("never"))
        total = await event("add") + await event("add")
        this().continue_as_new(lambda: json.dumps({"total": total}))


async def encoding_error() -> Any:
    """A value that is no payload, caught; the number of its command stays unused."""

    def refuse() -> str:
        raise PayloadError(what="argument", problem="no JSON")

    try:
        await this().call_activity(ActivityCall(name="bad", encode=refuse, retry=RETRIES))
    except PayloadError as error:
        return [str(error), await act("good")]


async def patched() -> Any:
    """Takes the branch that was stamped into its start."""
    return await act("new" if this().patched("faster") else "old")


async def generators_and_contexts() -> Any:
    """Asynchronous generators, context managers, variables and nested gathers."""

    async def pages(name: str) -> AsyncIterator[Any]:
        token = _who.set(name)
        try:
            for number in range(3):
                yield await act("page", _who.get(), number)
        finally:
            _who.reset(token)
            await act("release", name)

    async def read(name: str) -> list[Any]:
        async with contextlib.aclosing(pages(name)) as stream:  # type: ignore[type-var]
            return [page async for page in stream if page]

    done = asyncio.create_task(asyncio.sleep(0, "done"))
    await done
    return await asyncio.gather(done, asyncio.gather(read("left"), read("right")), done)


async def late_results() -> Any:
    """Gives an activity up; its result comes all the same. Then the run takes too long."""
    slow = asyncio.create_task(act("slow"))
    await asyncio.wait([slow], timeout=5)
    slow.cancel()
    await act("other")
    while True:
        await event("more")


async def is_cancelled() -> Any:
    """Is asked to cancel, twice, and cleans up."""
    try:
        await event("never")
    except asyncio.CancelledError:
        try:
            await act("undo")
        finally:
            await asyncio.shield(act("undo for good"))
        raise


async def wide() -> Any:
    """A wide fan-out, in whose order nothing but the numbers of its tasks may show."""

    async def part(number: int) -> Any:
        async with asyncio.timeout(100 + number % 7):
            return await act("wide", number)

    tasks = {asyncio.create_task(part(number)) for number in range(150)}
    done, left = await asyncio.wait(tasks, timeout=103)
    for task in left:
        task.cancel()
    await act("report", [task.result() for task in done if not task.exception()], len(left))
    return len(done)


async def is_held_and_ended() -> Any:
    """Is suspended and resumed, and ended by force."""
    await asyncio.sleep(timedelta(minutes=1).total_seconds())
    await act("never")


_PLAIN: tuple[Callable[[], Coroutine[Any, Any, Any]], ...] = (
    retries_and_draws,
    approval_with_reminders,
    races,
    groups_and_timeouts,
    shared_objects,
    children,
    goes_on_as_new,
    encoding_error,
    generators_and_contexts,
    late_results,
    is_cancelled,
    wide,
    is_held_and_ended,
)


def _definition(
    function: Callable[[], Coroutine[Any, Any, Any]], patches: tuple[str, ...] = ()
) -> WorkflowDefinition:
    async def run(_arguments: str) -> str:
        return json.dumps(await function())

    return WorkflowDefinition(name=function.__name__, run=run, patches=patches)


DEFINITIONS = {
    **{function.__name__: _definition(function) for function in _PLAIN},
    "patched": _definition(patched, ("faster",)),
    "patched_before": _definition(patched, ("faster",)),
}
"""By the name of the journal."""
