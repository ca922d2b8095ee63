"""Programs as data: a small grammar of asyncio and of what a workflow awaits; an interpreter.

A program is JSON, so that it crosses processes and versions of Python; only the standard library
and the replay core are imported. Every step notes what it saw. The running checksum of these notes
stands in the arguments of each command, so that a difference in order shows in the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import zlib
from typing import TYPE_CHECKING, Any

from perdure._replay import ActivityCall, ChildCall, WorkflowDefinition, require_executor
from perdure.errors import PayloadError
from perdure.types import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from perdure._replay import WorkflowExecutor

Node = list[Any]  # JSON: ["kind", operands …], operands are values and nodes
_depth: contextvars.ContextVar[int] = contextvars.ContextVar("depth", default=0)


class Boom(Exception):
    """What a program raises."""


class Machine:
    """One run of a program: its notes, and what its tasks share."""

    def __init__(self, executor: WorkflowExecutor) -> None:
        self.executor = executor
        self.notes: list[Any] = []
        self.checksum = 0
        self._numbers: dict[int, int] = {}
        self._queues = [asyncio.Queue[Any](1), asyncio.Queue[Any]()]
        self._locks = [asyncio.Lock(), asyncio.Lock()]
        self._semaphores = [asyncio.Semaphore(1), asyncio.Semaphore(2)]
        self._conditions = [asyncio.Condition(), asyncio.Condition()]
        self._flags = [asyncio.Event(), asyncio.Event()]
        self._tasks: dict[int, asyncio.Task[Any]] = {}

    def number(self, node: Node) -> None:
        """Number ``node`` and the nodes in it, outermost first."""
        self._numbers[id(node)] = len(self._numbers)
        for operand in node[1:]:
            if _is_node(operand):
                self.number(operand)
            elif isinstance(operand, list):
                for part in operand:
                    self.number(part)

    def note(self, node: Node, *seen: Any) -> None:
        """Add to the notes."""
        entry = [self._numbers[id(node)], node[0], *seen]
        self.notes.append(entry)
        self.checksum = zlib.crc32(json.dumps(entry).encode(), self.checksum)

    async def run(self, node: Node) -> Any:
        """Run ``node`` and return its value."""
        step: Callable[..., Coroutine[Any, Any, Any]] = getattr(self, "do_" + node[0])
        return await step(node, *node[1:])

    def _arguments(self, node: Node) -> Callable[[], str]:
        return lambda: json.dumps([self._numbers[id(node)], len(self.notes), self.checksum])

    # What a workflow awaits.

    async def do_act(self, node: Node, name: str, attempts: int) -> Any:
        call = ActivityCall(
            name=name,
            encode=self._arguments(node),
            retry=RetryPolicy(max_attempts=attempts, jitter=0.5 if attempts == 3 else 0),
        )
        value = json.loads(await self.executor.call_activity(call))
        self.note(node, value)
        return value

    async def do_bad(self, node: Node) -> None:
        def encode() -> str:
            raise PayloadError(what="argument", problem="no JSON")

        call = ActivityCall(name="bad", encode=encode, retry=RetryPolicy.none())
        await self.executor.call_activity(call)

    async def do_child(self, node: Node, name: str) -> Any:
        run = self.executor.start_child(ChildCall(workflow=name, encode=self._arguments(node)))
        self.note(node, run.instance_id)
        value = json.loads(await run.result())
        self.note(node, value)
        return value

    async def do_sleep(self, node: Node, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.note(node, self.executor.now().isoformat())

    async def do_event(self, node: Node, name: str) -> Any:
        value = json.loads(await self.executor.wait_for_event(name))
        self.note(node, value)
        return value

    async def do_draw(self, node: Node) -> Any:
        drawn = [self.executor.random.random(), str(self.executor.uuid4())]
        self.note(node, drawn)
        return drawn

    async def do_renew(self, node: Node) -> None:
        self.executor.continue_as_new(self._arguments(node))

    async def do_status(self, node: Node) -> None:
        self.executor.set_custom_status(json.dumps([len(self.notes), self.checksum]))

    # Control.

    async def do_seq(self, node: Node, steps: list[Node]) -> Any:
        value = None
        for step in steps:
            value = await self.run(step)
        return value

    async def do_boom(self, node: Node) -> None:
        self.note(node)
        raise Boom(f"at {self._numbers[id(node)]}")

    async def do_try(self, node: Node, body: Node, handler: Node, last: Node) -> Any:
        try:
            return await self.run(body)
        except Exception as error:  # noqa: BLE001 - what it was is noted
            self.note(node, type(error).__name__)
            return await self.run(handler)
        finally:
            await self.run(last)

    async def do_defy(self, node: Node, body: Node, after: Node) -> Any:
        try:
            return await self.run(body)
        except asyncio.CancelledError:
            self.note(node)
            return await self.run(after)

    async def do_spawn(self, node: Node, slot: int, body: Node) -> None:
        self._tasks[slot] = asyncio.create_task(self.run(body))

    async def do_cancel(self, node: Node, slot: int) -> None:
        if slot in self._tasks:
            self.note(node, self._tasks[slot].cancel())

    async def do_join(self, node: Node, slot: int) -> None:
        if slot in self._tasks:
            await asyncio.wait([self._tasks[slot]])
            self.note(node, _fate(self._tasks[slot]))

    async def do_generate(self, node: Node, count: int, body: Node, last: Node) -> None:
        async def values() -> AsyncIterator[Any]:
            try:
                for _ in range(count):
                    yield await self.run(body)
            finally:
                await self.run(last)

        generator = values()
        async for value in generator:
            self.note(node, value)
            if count > 2:
                break
        await generator.aclose()  # type: ignore[attr-defined]  # it is a generator

    async def do_deepen(self, node: Node, body: Node) -> Any:
        token = _depth.set(_depth.get() + 1)
        try:
            return await self.run(body)
        finally:
            self.note(node, _depth.get())
            _depth.reset(token)

    # Combinators.

    async def do_gather(self, node: Node, parts: list[Node], keeps_errors: bool) -> Any:
        values = await asyncio.gather(*map(self.run, parts), return_exceptions=keeps_errors)
        self.note(node, [_shown(value) for value in values])
        return len(values)

    async def do_gathers(self, node: Node, parts: list[Node]) -> None:
        """Gather in pairs, and wait for the pairs: they stand in sets too."""
        pairs = [
            asyncio.gather(*map(self.run, parts[i : i + 2]), return_exceptions=True)
            for i in range(0, len(parts), 2)
        ]
        done, rest = await asyncio.wait(pairs, return_when=asyncio.FIRST_COMPLETED)
        self.note(node, [[_shown(value) for value in pair.result()] for pair in done])
        for pair in rest:
            pair.cancel()

    async def do_again(self, node: Node, parts: list[Node]) -> None:
        """Gather tasks that have ended already, beside one that has not."""
        tasks = [asyncio.create_task(self.run(part)) for part in parts]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        values = await asyncio.gather(*tasks, return_exceptions=True)
        self.note(node, [_shown(value) for value in values])

    async def do_group(self, node: Node, parts: list[Node], handler: Node) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for part in parts[1:]:
                    group.create_task(self.run(part))
                await self.run(parts[0])
        except* Exception as errors:  # noqa: BLE001 - what they were is noted
            self.note(node, [type(error).__name__ for error in errors.exceptions])
            await self.run(handler)

    async def do_wait(self, node: Node, parts: list[Node], until: str, cancels: bool) -> None:
        tasks = {asyncio.create_task(self.run(part)) for part in parts}
        done, rest = await asyncio.wait(tasks, return_when=until)
        for task in done:
            self.note(node, _fate(task))
        if cancels:
            for task in rest:
                task.cancel()
        while rest:
            done, rest = await asyncio.wait(rest, return_when="FIRST_COMPLETED", timeout=3)
            self.note(node, [_fate(task) for task in done])
            if not done:
                break

    async def do_completed(self, node: Node, parts: list[Node], seconds: float | None) -> None:
        arrivals = asyncio.as_completed(map(self.run, parts), timeout=seconds)
        await asyncio.sleep(0)
        for arrival in arrivals:
            try:
                self.note(node, _shown(await arrival))
            except (Exception, asyncio.CancelledError) as error:
                self.note(node, _shown(error))
                if isinstance(error, TimeoutError):
                    raise

    async def do_timeout(self, node: Node, seconds: float, body: Node) -> Any:
        async with asyncio.timeout(seconds):
            return await self.run(body)

    async def do_wait_for(self, node: Node, seconds: float, body: Node) -> Any:
        return await asyncio.wait_for(self.run(body), seconds)

    async def do_shield(self, node: Node, body: Node) -> Any:
        return await asyncio.shield(self.run(body))

    # What tasks share.

    async def do_put(self, node: Node, which: int) -> None:
        await self._queues[which].put(len(self.notes))
        self.note(node)

    async def do_get(self, node: Node, which: int) -> None:
        self.note(node, await self._queues[which].get())

    async def do_lock(self, node: Node, which: int, body: Node) -> Any:
        async with self._locks[which]:
            self.note(node)
            return await self.run(body)

    async def do_semaphore(self, node: Node, which: int, body: Node) -> Any:
        async with self._semaphores[which]:
            self.note(node)
            return await self.run(body)

    async def do_watch(self, node: Node, which: int) -> None:
        async with self._conditions[which]:
            await self._conditions[which].wait()
            self.note(node)

    async def do_notify(self, node: Node, which: int, count: int) -> None:
        async with self._conditions[which]:
            self._conditions[which].notify(count)
            self.note(node)

    async def do_raise_flag(self, node: Node, which: int) -> None:
        self._flags[which].set()

    async def do_await_flag(self, node: Node, which: int) -> None:
        await self._flags[which].wait()
        self.note(node)


def _is_node(operand: Any) -> bool:
    return isinstance(operand, list) and bool(operand) and isinstance(operand[0], str)


def _shown(value: Any) -> Any:
    return type(value).__name__ if isinstance(value, BaseException) else value


def _fate(task: asyncio.Future[Any]) -> Any:
    if not task.done():
        return "pending"
    if task.cancelled():
        return "cancelled"
    return _shown(task.exception() or task.result())


async def _run(arguments: str) -> str:
    machine = Machine(require_executor("a program"))
    body: Node = json.loads(arguments)["body"]
    machine.number(body)
    error = None
    with contextlib.suppress(asyncio.CancelledError):
        try:
            await machine.run(body)
        except Exception as raised:  # noqa: BLE001 - what it was is part of the result
            error = type(raised).__name__
    return json.dumps({"notes": machine.notes, "error": error}, separators=(",", ":"))


PROGRAM = WorkflowDefinition(name="program", run=_run)
