"""Reasons that histories tell: why the sidecar does not go on with an instance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import BackendUnavailableError, InstanceNotFoundError
from perdure_dapr import faults
from perdure_dapr.holds import hold_reason

if TYPE_CHECKING:
    from perdure.types import InstanceInfo
    from perdure_dapr.sidecar import Sidecar


class Journals:
    """Reads histories."""

    def __init__(self, sidecar: Sidecar) -> None:
        self._sidecar = sidecar

    async def with_reason(self, info: InstanceInfo) -> InstanceInfo:
        """Return ``info`` with why it is on hold, or stalled, as history tells."""
        try:
            events = await self._sidecar.events(info.instance_id)
        except InstanceNotFoundError:
            return info
        return replace(info, reason=hold_reason(events, instance_id=info.instance_id))

    async def stalled(self, instance_id: str) -> BackendUnavailableError:
        """Return the error for what the sidecar does not take for an instance that is stalled."""
        try:
            events = await self._sidecar.events(instance_id)
            reason = hold_reason(events, instance_id=instance_id)
        except InstanceNotFoundError:
            reason = None
        problem = (
            f"workflow instance {instance_id!r} is stalled, so the sidecar takes neither events "
            f"nor an end for it: {reason or 'it does not say why'}"
        )
        return BackendUnavailableError(backend=faults.NAME, problem=problem)
