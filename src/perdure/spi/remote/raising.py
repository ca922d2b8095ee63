"""Raising events: each arrives once, however often it must be sent."""

from __future__ import annotations

import itertools
import time
import uuid
from typing import TYPE_CHECKING, Final

from perdure.errors import BackendUnavailableError
from perdure.spi.bridge import encode_event, to_text
from perdure.spi.remote.attempts import ClosedError, pause_before_attempt

if TYPE_CHECKING:
    from perdure.spi.remote.server import RemoteServer

_PATIENCE_SECONDS: Final = 20.0


class EventRaiser:
    """Raises events on perdure's channel.

    A server may store an event and answer with an error all the same, or not at all. So an event
    has an id, and is sent until the server says that it has it, or refuses it; the run passes over
    one that it has heard.
    """

    def __init__(self, server: RemoteServer) -> None:
        self._server = server

    async def raise_event(self, instance_id: str, *, name: str, payload: str) -> None:
        """Deliver an event, durably.

        Raises:
            InstanceNotFoundError: There is no such instance.
            BackendUnavailableError: The server did not say in time that it has it; it may have it.
        """
        text = to_text(encode_event(name, payload, id=uuid.uuid4().hex[:16]))
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        for number in itertools.count(1):
            try:
                await self._server.raise_event(instance_id, text=text)
            except ClosedError:
                raise
            except BackendUnavailableError:
                if time.monotonic() > give_up_at:
                    raise
                await pause_before_attempt(number)
            else:
                return
