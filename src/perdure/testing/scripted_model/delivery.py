"""How an answer, an error or a fault goes over the connection."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from perdure.testing.scripted_model.loopback import CLOSE_EXTENSION
from perdure.testing.scripted_model.names import HEADER, REQUEST_ID_HEADER
from perdure.testing.scripted_model.replies import Drop, Hang

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from perdure.testing.scripted_model.log import RequestLog
    from perdure.testing.scripted_model.transcript import Latency

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What is sent for one request, as an ASGI application.

    Attributes:
        chunks: The events of a stream, or the halves of a body.
        ending: What is sent after the chunks.
        fault: What happens after ``fault.after_chunks`` of them.
        outcome: As of the log.
    """

    request_id: str
    log: RequestLog
    latency: Latency
    outcome: str
    rule: str = ""
    status: int = 200
    headers: Mapping[str, str]
    chunks: tuple[bytes, ...] = ()
    ending: bytes = b""
    fault: Drop | Hang | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as far as the fault and the client allow."""
        if not await _client_stays(receive, seconds=self.latency.first_seconds):
            return
        self.log.answered(self.request_id, outcome=self.outcome)
        if self.fault is not None and self.fault.after_chunks is None:
            await _break_off(self.fault, scope, receive)
            return
        await self._send_start(send)
        for number, chunk in enumerate(self._chunks_to_send()):
            wait_seconds = self.latency.chunk_seconds if number else 0
            if not await _client_stays(receive, seconds=wait_seconds):
                return
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if self.fault is not None:
            await _break_off(self.fault, scope, receive)
            return
        # Noted first, so that a client that has the whole answer finds it noted.
        self.log.sent(self.request_id)
        await send({"type": "http.response.body", "body": self.ending, "more_body": False})

    def _chunks_to_send(self) -> tuple[bytes, ...]:
        if self.fault is None:
            return self.chunks
        is_stream = self.headers["content-type"] == EVENTS
        return self.chunks[: self.fault.after_chunks if is_stream else 1]

    async def _send_start(self, send: Send) -> None:
        headers = {**self.headers, REQUEST_ID_HEADER: self.request_id, HEADER: self.rule}
        if self.headers["content-type"] == JSON:
            length = sum(len(chunk) for chunk in self.chunks) + len(self.ending)
            headers["content-length"] = str(length)
        encoded = [
            (name.encode("ascii"), value.encode("ascii", "replace"))
            for name, value in headers.items()
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})


async def _break_off(fault: Drop | Hang, scope: Scope, receive: Receive) -> None:
    if isinstance(fault, Drop):
        scope["extensions"][CLOSE_EXTENSION]()
    await _client_stays(receive, seconds=None)


async def _client_stays(receive: Receive, *, seconds: float | None) -> bool:
    """Wait, for ever if ``seconds`` is ``None``, and return whether the client did not go."""
    if seconds == 0:
        return True
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return True
    return False
