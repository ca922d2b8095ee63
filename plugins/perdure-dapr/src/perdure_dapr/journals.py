"""Journals: a run's history as the sidecar has it, raw, and as perdure's journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from perdure.errors import BackendUnavailableError, InstanceNotFoundError
from perdure.spi.bridge import decode_status, project
from perdure_dapr import faults
from perdure_dapr.history import vendor_events
from perdure_dapr.holds import hold_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent
    from perdure.types import InstanceInfo
    from perdure_dapr.sidecar import Sidecar

# A busy instance has a turn every few milliseconds.
_ATTEMPTS: Final = 10


class Journals:
    """Reads histories."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def journal(self, instance_id: str) -> Sequence[HistoryEvent]:
        """Return the journal of the current run.

        Raises:
            InstanceNotFoundError: There is none.
        """
        state = await self._state(instance_id)
        for _ in range(_ATTEMPTS):
            if not state.name:
                return []
            events = await self._sidecar.events(instance_id)
            before, state = state, await self._state(instance_id)
            if _mark(before) == _mark(state):
                break  # else a turn came between, and its notes are in neither
        shown = decode_status(state.customStatus.value if state.HasField("customStatus") else None)
        return project(vendor_events(events, instance_id=instance_id), shown.notes)

    async def _state(self, instance_id: str) -> Any:
        state = await self._sidecar.state(instance_id)
        if state is None:
            raise InstanceNotFoundError(instance_id=instance_id)
        return state

    async def with_reason(self, info: InstanceInfo) -> InstanceInfo:
        """Return ``info`` with why it is on hold, or stalled, as history tells."""
        try:
            events = await self._sidecar.events(info.instance_id)
        except InstanceNotFoundError:
            return info
        return replace(info, reason=hold_reason(events))

    async def stalled(self, instance_id: str) -> BackendUnavailableError:
        """Return the error for what the sidecar does not take for an instance that is stalled."""
        try:
            reason = hold_reason(await self._sidecar.events(instance_id))
        except InstanceNotFoundError:
            reason = None
        problem = (
            f"workflow instance {instance_id!r} is stalled, so the sidecar takes neither events "
            f"nor an end for it: {reason or 'it does not say why'}"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)


def _mark(state: Any) -> tuple[int, int, str]:
    """Return what changes with every turn."""
    updated = state.lastUpdatedTimestamp
    return updated.seconds, updated.nanos, state.customStatus.value
