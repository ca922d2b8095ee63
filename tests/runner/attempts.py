"""Attempts of activities, made by hand."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from perdure._runner.activities import ActivityCode
from perdure.payloads import ParameterConverter, ValueConverter
from perdure.spi.history import ActivityScheduled
from perdure.spi.program import ActivityTask

if TYPE_CHECKING:
    from collections.abc import Callable

NOW_US = 1_900_000_000_000_000


async def until(condition: Callable[[], object]) -> None:
    """Return once ``condition`` holds; for what a thread brings about."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


def now_us() -> int:
    """Return an instant in 2030."""
    return NOW_US


def code_of(function: Callable[..., Any]) -> ActivityCode:
    """Return ``function`` as the activity ``act``."""
    owner = "activity 'act'"
    return ActivityCode(
        function=function,
        is_async=inspect.iscoroutinefunction(function),
        parameters=ParameterConverter(function, owner=owner),
        result=ValueConverter.of_result(function, owner=owner),
    )


def task_of(
    arguments: str = "{}", *, name: str = "act", timeout: float | None = None, attempt: int = 1
) -> ActivityTask:
    """Return an attempt with these arguments and a timeout in seconds."""
    scheduled = ActivityScheduled(
        at_us=0,
        id=7,
        name=name,
        arguments=arguments,
        attempt=attempt,
        key_id=4,
        timeout_us=None if timeout is None else round(timeout * 1_000_000),
    )
    return ActivityTask(
        instance_id="trip-1",
        run_id="run-1",
        workflow="plan_trip",
        scheduled=scheduled,
        headers={"traceparent": "00-1"},
    )
