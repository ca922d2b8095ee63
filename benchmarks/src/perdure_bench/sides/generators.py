"""The same programs as generators, for the vendors' own SDKs, which are alike in all that is used.

New functions at each call, as an SDK registers a function once.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from perdure_bench.sides.steps import BLOCKED_SECONDS, note_step
from perdure_bench.sides.timing import WAITING, first_line, late_by

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    Program = Callable[..., Generator[Any, Any, Any]]


def workflows(  # noqa: C901 - nine programs, none of which is
    activities: dict[str, Callable[..., Any]],
    *,
    when_all: Callable[[list[Any]], Any],
    call_child: Callable[..., Any],
) -> dict[str, Program]:
    """Return the workflows by their names; those of :data:`Shape`, and ``child``.

    Args:
        activities: By their names; those of :func:`activities`, or coroutine functions like them.
        when_all: The SDK's.
        call_child: Calls a child workflow: of the context, the workflow and its input.
    """

    def chain(context: Any, size: int) -> Generator[Any, Any, Any]:
        value = 0
        for number in range(size):
            value = yield context.call_activity(activities["echo"], input=number)
        return value

    def fan_out(context: Any, size: int) -> Generator[Any, Any, Any]:
        calls = [context.call_activity(activities["echo"], input=n) for n in range(size)]
        return sum((yield when_all(calls)))

    def child(context: Any, value: int) -> Generator[Any, Any, Any]:
        return (yield context.call_activity(activities["echo"], input=value))

    def children(context: Any, size: int) -> Generator[Any, Any, Any]:
        value = 0
        for number in range(size):
            value = yield call_child(context, child, number)
        return value

    def first_activity(context: Any, size: int) -> Generator[Any, Any, Any]:
        return (yield context.call_activity(activities["instant"]))

    def event(context: Any, size: int) -> Generator[Any, Any, Any]:
        WAITING.add(context.instance_id)
        yield context.wait_for_external_event("go")
        return (yield context.call_activity(activities["instant"]))

    def timer(context: Any, size: float) -> Generator[Any, Any, Any]:
        due = context.current_utc_datetime.replace(tzinfo=UTC).timestamp() + size
        yield context.create_timer(timedelta(seconds=size))
        return (yield context.call_activity(activities["lateness"], input=due))

    def idle(context: Any, size: int) -> Generator[Any, Any, Any]:
        WAITING.add(context.instance_id)
        return (yield context.wait_for_external_event("go"))

    def steps(context: Any, size: int) -> Generator[Any, Any, Any]:
        value = 0
        for number in range(size):
            value = yield context.call_activity(activities["step"], input=number)
        return value

    programs = (chain, fan_out, child, children, first_activity, event, timer, idle, steps)
    return {program.__name__: program for program in programs}


def activities() -> dict[str, Callable[..., Any]]:
    """Return the activities by their names, as plain functions."""

    def echo(context: Any, value: int) -> int:
        return value

    def instant(context: Any, _: Any = None) -> float:
        return first_line()

    def lateness(context: Any, due: float) -> float:
        return late_by(due)

    def step(context: Any, number: int) -> int:
        if note_step(number):
            time.sleep(BLOCKED_SECONDS)
        return number

    return {each.__name__: each for each in (echo, instant, lateness, step)}


def async_activities() -> dict[str, Callable[..., Any]]:
    """Return the activities by their names, as coroutine functions."""

    async def echo(context: Any, value: int) -> int:
        return value

    async def instant(context: Any, _: Any = None) -> float:
        return first_line()

    async def lateness(context: Any, due: float) -> float:
        return late_by(due)

    async def step(context: Any, number: int) -> int:
        if note_step(number):
            await asyncio.sleep(BLOCKED_SECONDS)
        return number

    return {each.__name__: each for each in (echo, instant, lateness, step)}
