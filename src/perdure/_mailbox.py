"""A mailbox: how one thread hands callbacks to the event loop of another.

The loop is woken once for many items, because each wake-up is a system call that gives the
interpreter lock away.
"""

from __future__ import annotations

import contextlib
import contextvars
import weakref
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Mailbox:
    """Callbacks for one event loop, which runs them in the order they were posted."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        # Weak: a table of mailboxes must not keep a user's loop alive.
        self._loop = weakref.ref(loop)
        self._items: deque[Callable[[], object]] = deque()
        self._is_woken = False
        # The poster's context stays with the poster: a long-lived task would keep it alive.
        self._context = contextvars.Context()

    def post(self, item: Callable[[], object]) -> None:
        """Have ``item`` called on the loop, from any thread. A loop that is closed drops it."""
        self._items.append(item)
        loop = self._loop()
        # The flag is read after the append: where it is set, a drain is still to come and will see
        # the item. Two threads may both find it unset and both wake the loop, which does no harm.
        if self._is_woken or loop is None:
            return
        self._is_woken = True
        with contextlib.suppress(RuntimeError):  # closed: nobody is left who waits
            loop.call_soon_threadsafe(self._drain, context=self._context)

    def _drain(self) -> None:
        self._is_woken = False
        while self._items:
            self._items.popleft()()
