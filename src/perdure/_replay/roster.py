"""A roster: what is under way in a workflow, held on to until it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_PRUNE_AT_LEAST = 64
T = TypeVar("T")


class Roster(Generic[T]):
    """Strong references to tasks or generators, in order of creation.

    The collector must never be the one to end a task or a generator, at an instant nobody can
    replay. Those that have ended are dropped now and then, not by a callback of each, which would
    cost a round of the loop.
    """

    def __init__(self, has_ended: Callable[[T], bool]) -> None:
        self._has_ended = has_ended
        self._items: list[T] = []
        self._prune_at = _PRUNE_AT_LEAST

    def add(self, item: T) -> None:
        """Hold on to ``item``."""
        self._items.append(item)
        if len(self._items) >= self._prune_at:
            self._items = self.live()
            self._prune_at = max(_PRUNE_AT_LEAST, 2 * len(self._items))

    def live(self) -> list[T]:
        """Return what has not ended."""
        return [item for item in self._items if not self._has_ended(item)]

    def take(self) -> list[T]:
        """Return what has not ended, and let go of everything."""
        live = self.live()
        self._items = []
        return live
