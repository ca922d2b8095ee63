"""Workflows of all fates, for the tests of clients."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import perdure

LIMIT = timedelta(seconds=10)
"""How long a test waits for what should come at once."""

registry = perdure.Registry()
approval = perdure.event_type("approval", bool)


@dataclass
class Order:
    number: int
    note: str | None = None


class RefusedError(Exception):
    """What a workflow raises here."""


@registry.activity
async def double(number: int) -> int:
    return 2 * number


@registry.workflow
async def five() -> int:
    return 5


@registry.workflow
async def twice(number: int) -> int:
    return await double(number)


@registry.workflow
async def place(order: Order, times: int = 1) -> list[Order]:
    return [order] * times


@registry.workflow
async def join(a: str, b: str, c: str, d: str = "d", e: str = "e") -> str:
    return a + b + c + d + e


@registry.workflow
async def give_none() -> None:
    return None


@registry.workflow
async def refuse(why: str) -> int:
    raise RefusedError(why)


@registry.workflow
async def approve() -> bool:
    return await approval.wait()


@registry.workflow
async def echo_events(count: int) -> list[object]:
    return [await perdure.wait_for_event("any") for _ in range(count)]


@registry.workflow
async def clean_up_when_cancelled() -> str:
    try:
        await perdure.wait_for_event("never")
    except asyncio.CancelledError:
        return "cleaned up"
    return "not cancelled"


_unregistered = perdure.Registry()


@_unregistered.activity(name="no-such-activity")
async def nobody() -> None:
    return None


@registry.workflow
async def calls_nobody() -> None:
    await nobody()
