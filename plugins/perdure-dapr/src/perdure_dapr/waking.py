"""Waking: have some worker take a look at an instance, which its workflow does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from perdure.errors import InstanceNotFoundError
from perdure.spi.bridge import WAKE_EVENT, encode_event, to_text
from perdure_dapr.faults import StalledError

if TYPE_CHECKING:
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.sidecar import Sidecar

_WAKE: Final = to_text(encode_event(WAKE_EVENT, "null"))


class Waker:
    """Wakes instances."""

    def __init__(self, sidecar: Sidecar, hosting: Hosting) -> None:
        self._sidecar = sidecar
        self._hosting = hosting

    async def wake(self, instance_id: str) -> bool:
        """Wake an instance; return whether there is one to wake.

        Raises:
            BackendUnavailableError: The sidecar did not take it.
        """
        try:
            await self._hosting.perform(
                instance_id,
                lambda: self._sidecar.raise_event(instance_id, text=_WAKE),
                patience_seconds=0,
            )
        except (InstanceNotFoundError, StalledError):
            return False
        return True
