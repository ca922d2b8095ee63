"""A limit on how many things go on at once, which costs next to nothing while it is not reached."""

from __future__ import annotations

import asyncio
from collections import deque


class Slots:
    """A fixed number of places, given out first come, first served. For one event loop."""

    def __init__(self, limit: int) -> None:
        """Open ``limit`` places.

        Raises:
            ValueError: ``limit`` is below 1.
        """
        if limit < 1:
            raise ValueError(f"a limit must be at least 1, got {limit}")
        self._free = limit
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def free(self) -> int:
        """How many places nobody holds."""
        return self._free

    def try_take(self) -> bool:
        """Take a place if one is free; a free one means that nobody waits."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def take(self) -> None:
        """Take a place; wait for it if need be."""
        if self.try_take():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back()  # our turn came in the same moment; it is the next one's
            raise  # else whoever gives back passes over what is cancelled

    def give_back(self) -> None:
        """Give a place back. It goes straight to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
