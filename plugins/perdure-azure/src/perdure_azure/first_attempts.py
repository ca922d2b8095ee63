"""First attempts: an answer sent from where it is made, over the channel of the work items.

By way of the event loop an answer of a turn wakes two more threads, in the middle of what a program
waits for. What fails here is told to who sends again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from perdure.errors import AuthenticationFailedError
from perdure_azure import sdk
from perdure_azure.faults import ANSWERING

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure_azure.connection import Connection


class FirstAttempts:
    """Sends each answer once. From any thread; never blocks.

    Args:
        channel: The one that work items come by.
        connection: Knows what goes along with a call, and what an error means.
    """

    def __init__(self, channel: grpc.Channel, connection: Connection) -> None:
        self._stub = sdk.scheduler_stub(channel)
        self._connection = connection

    def send(
        self, method: str, answer: Any, *, seconds: float, end: Callable[[Exception | None], None]
    ) -> bool:
        """Send an answer; return whether that has begun.

        Args:
            method: What takes it.
            answer: What to send.
            seconds: How long it may take.
            end: Called once, on a thread of gRPC's, with the error if there was one.
        """
        try:
            metadata = self._connection.metadata_at_hand()
            if metadata is None:
                return False
            call = getattr(self._stub, method).future(answer, timeout=seconds, metadata=metadata)
        except (AuthenticationFailedError, ValueError):  # the channel is closed
            return False
        call.add_done_callback(lambda call: end(self._error_of(call)))
        return True

    def _error_of(self, call: Any) -> Exception | None:
        if call.code() is grpc.StatusCode.OK:
            return None
        return self._connection.translate(call, action=ANSWERING, instance_id="")
