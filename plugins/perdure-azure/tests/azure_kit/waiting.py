"""Waiting for what another thread does, which can only be polled for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMIT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.005


def wait_until(claim: Callable[[], bool]) -> None:
    """Return as soon as ``claim`` holds.

    Raises:
        TimeoutError: It does not hold in time.
    """
    end = time.monotonic() + _LIMIT_SECONDS
    while not claim():
        if time.monotonic() > end:
            raise TimeoutError("it did not come about")
        time.sleep(_POLL_SECONDS)


async def wait_on_loop_until(claim: Callable[[], bool]) -> None:
    """Do the same, and let the event loop go on.

    Raises:
        TimeoutError: It does not hold in time.
    """
    async with asyncio.timeout(_LIMIT_SECONDS):
        while not claim():
            await asyncio.sleep(_POLL_SECONDS)
