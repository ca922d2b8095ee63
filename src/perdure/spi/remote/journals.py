"""Journals: a run's history as a vendor's server has it, as perdure's journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceNotFoundError
from perdure.spi.bridge import VendorKind, project
from perdure.spi.remote.state import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from perdure.spi.bridge import VendorEvent
    from perdure.spi.history import HistoryEvent
    from perdure.spi.remote.server import RemoteServer
    from perdure.spi.remote.state import VendorState

# A busy instance has a turn every few milliseconds.
_ATTEMPTS: Final = 10


async def journal_of(server: RemoteServer, instance_id: str) -> Sequence[HistoryEvent]:
    """Return the journal of the current run.

    Raises:
        InstanceNotFoundError: There is none.
    """
    state = await _state(server, instance_id)
    events: Sequence[VendorEvent] = ()
    for _ in range(_ATTEMPTS):
        if not state.name:
            return []
        events = await server.events(instance_id)
        before, state = state, await _state(server, instance_id)
        if _mark(before) == _mark(state):
            break  # else a turn came between, and its notes are in neither
    return project(events, state.shown.notes)


def hold_reason(events: Iterable[VendorEvent]) -> str | None:
    """Return why an instance is on hold; ``None`` where nothing says so."""
    reason = None
    for event in events:
        if event.kind is VendorKind.SUSPENDED:
            # The first reason stays while it is held.
            reason = reason or text_of(event.payload or "") or None
        elif event.kind is VendorKind.RESUMED:
            reason = None
    return reason


async def _state(server: RemoteServer, instance_id: str) -> VendorState:
    state = await server.state(instance_id)
    if state is None:
        raise InstanceNotFoundError(instance_id=instance_id)
    return state


def _mark(state: VendorState) -> tuple[datetime | None, str | None]:
    """Return what changes with every turn."""
    return state.updated_at, state.custom_status
