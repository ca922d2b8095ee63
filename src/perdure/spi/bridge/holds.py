"""Holds: a history whose suspensions the SDKs can take.

An SDK keeps back what comes during a hold, also the word that what was asked for just before it is
under way: it asks for that again with each work item, and stumbles over the second such word when
the hold ends. It goes round for ever at a hold within a hold, and fails the instance at a release
without one. Servers send it all of that, so a backend has histories put right before the SDK's
executor is given them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_HOLD, _RELEASE = "executionSuspended", "executionResumed"
_UNDER_WAY = frozenset(
    {
        "taskScheduled",
        "timerCreated",
        "subOrchestrationInstanceCreated",
        "childWorkflowInstanceCreated",
    }
)


def with_plain_holds(past: Sequence[Any], new: Sequence[Any]) -> tuple[list[Any], list[Any]] | None:
    """Return the events of a work item as an SDK can take them; ``None`` if they are so already.

    Args:
        past: The history: an SDK's protobuf events.
        new: What has come.
    """
    if not any(_kind(event) in (_HOLD, _RELEASE) for events in (past, new) for event in events):
        return None
    filtered = _Filter()
    for event in past:
        filtered.take(event)
    before = len(filtered.events)
    for event in new:
        filtered.take(event)
    return filtered.events[:before], filtered.events[before:]


class _Filter:
    def __init__(self) -> None:
        self.events: list[Any] = []
        self._held_at: int | None = None

    def take(self, event: Any) -> None:
        kind = _kind(event)
        if kind == _HOLD and self._held_at is None:
            self._held_at = len(self.events)
        elif kind == _RELEASE and self._held_at is not None:
            self._held_at = None
        elif kind in (_HOLD, _RELEASE):
            return
        elif kind in _UNDER_WAY and self._held_at is not None:
            self.events.insert(self._held_at, event)
            self._held_at += 1
            return
        self.events.append(event)


def _kind(event: Any) -> str | None:
    kind: str | None = event.WhichOneof("eventType")
    return kind
