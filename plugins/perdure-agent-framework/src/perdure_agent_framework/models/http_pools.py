"""Connections of model clients, kept apart by event loop.

A connection belongs to the loop on which it was opened. Activities run on a loop of the backend's
own, so a client that is also used elsewhere (by the same agent, run plainly, or by an app that was
open before) would take a connection of another loop out of its pool, and fail. With a pool for each
loop it does not. That holds for clients on httpx, as openai's and anthropic's are; one with a
transport of its own stays as it is.
"""

from __future__ import annotations

import asyncio
import copy
import weakref
from typing import TYPE_CHECKING, Any

from perdure.framework import before_loop_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a pool of httpcore holds of its connections, and how each begins.
_HELD = ("_connections", "_requests", "_optional_thread_lock")


def keep_loops_apart(client: object) -> None:
    """Let the connections of ``client``, a chat client, be of one event loop each. Again is fine.

    Raises:
        RuntimeError: No loop runs here.
    """
    for transport in _transports_of(client):
        pool = transport._pool
        if not isinstance(pool, _PoolPerLoop) and all(hasattr(pool, name) for name in _HELD):
            transport._pool = pool = _PoolPerLoop(pool)
        if isinstance(pool, _PoolPerLoop):
            pool.of_running_loop()


class _PoolPerLoop:
    """In the place of a pool: that of the running loop.

    The pool that was there is of the loop that used it before, whichever that was: so it is never
    that of the loop on which this is made.
    """

    def __init__(self, pool: Any) -> None:
        self._first = pool
        self._is_first_free = True
        self._pools: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Any] = (
            weakref.WeakKeyDictionary({asyncio.get_running_loop(): _empty_like(pool)})
        )
        before_loop_ends(self.aclose)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)

    def of_running_loop(self) -> Any:
        """Return the pool of the loop that runs here."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            pool = self._first if self._is_first_free else _empty_like(self._first)
            self._is_first_free = False
            self._pools[loop] = pool
            before_loop_ends(self.aclose)
        return pool

    async def handle_async_request(self, request: Any) -> Any:
        """Send a request."""
        return await self.of_running_loop().handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections of the running loop; nobody can close those of another."""
        await self.of_running_loop().aclose()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _empty_like(pool: Any) -> Any:
    """Return a pool with the settings of ``pool`` and no connection."""
    empty = copy.copy(pool)
    empty._connections, empty._requests = [], []
    empty._optional_thread_lock = type(pool._optional_thread_lock)()
    return empty


def _transports_of(client: object) -> Iterator[Any]:
    """Yield the transports of the HTTP clients that a chat client's own client has."""
    for inner in list(vars(client).values()):
        http: Any = getattr(inner, "__dict__", {}).get("_client")
        transports = (getattr(http, "_transport", None), *getattr(http, "_mounts", {}).values())
        yield from (transport for transport in transports if hasattr(transport, "_pool"))
