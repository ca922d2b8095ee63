"""Raising events: each arrives once, however often it must be sent."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError
from perdure.spi.bridge import encode_event, to_text
from perdure_dapr.connection import pause_before_attempt
from perdure_dapr.faults import ClosedError, StalledError

if TYPE_CHECKING:
    from perdure_dapr.hosting import Hosting
    from perdure_dapr.journals import Journals
    from perdure_dapr.sidecar import Sidecar

_PATIENCE_SECONDS: Final = 20.0


class EventRaiser:
    """Raises events on perdure's channel.

    A sidecar may store an event and answer with an error all the same. So an event has an id, and
    is sent until the sidecar says that it has it, or refuses it; the run passes over one that it
    has heard.
    """

    def __init__(self, sidecar: Sidecar, hosting: Hosting, journals: Journals) -> None:
        self._sidecar = sidecar
        self._hosting = hosting
        self._journals = journals

    async def raise_event(self, instance_id: str, *, name: str, payload: str) -> None:
        """Deliver an event, durably.

        Raises:
            InstanceNotFoundError: There is no such instance.
            BackendUnavailableError: The sidecar did not say in time that it has it; it may have it.
        """
        text = to_text(encode_event(name, payload, id=uuid.uuid4().hex[:16]))
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        for number in itertools.count(1):
            try:
                await self._hosting.perform(
                    instance_id,
                    lambda: self._sidecar.raise_event(instance_id, text=text),
                    patience_seconds=0,
                )
            except StalledError as error:
                raise await self._journals.stalled(instance_id) from error
            except ClosedError:
                raise
            except BackendUnavailableError:
                if time.monotonic() > give_up_at:
                    raise
                await pause_before_attempt(number)
            else:
                return
