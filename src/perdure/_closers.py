"""Closers: what is to be closed on one of perdure's loops before its tasks are cancelled.

A connection whose tasks are all cancelled at once cannot say goodbye.
"""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Awaitable, Callable

Closer = Callable[[], Awaitable[None]]

_SECONDS = 5.0

_log = logging.getLogger(__name__)
_closers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, list[Closer]] = (
    weakref.WeakKeyDictionary()
)


def before_loop_ends(close: Closer) -> None:
    """Call ``close`` on the running loop once, when perdure is about to end it.

    It has five seconds. Loops that are not perdure's own never call it.

    Raises:
        RuntimeError: No loop runs here.
    """
    _closers.setdefault(asyncio.get_running_loop(), []).append(close)


async def run_closers() -> None:
    """Call what was registered on the running loop, the last first."""
    closers = _closers.pop(asyncio.get_running_loop(), [])
    for close in reversed(closers):
        try:
            async with asyncio.timeout(_SECONDS):
                await close()
        except Exception:  # noqa: BLE001 - what cannot be closed must not keep the rest from ending
            _log.warning("%r did not close what it has to", close, exc_info=True)
