"""Live streams: the pieces of a model's answers, on their way to whoever listens.

A worker publishes what a model says, piece by piece, to a hub; a subscriber reads it from the
start, however late it comes. Streams are a courtesy: what counts is the durable answer, so a piece
that is lost costs nothing but its liveness. A subscriber sees each piece once, also when a call is
tried again: what the new attempt repeats is left out, and if it says something else, a chunk of
kind ``restart`` says that what came of this call before does not hold.
"""

from __future__ import annotations

import logging
import uuid
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from perdure.streams import Json, StreamHub

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from agent_framework import ChatResponseUpdate

ChunkKind = Literal["update", "restart", "cut"]
"""``update``: a piece. ``restart``: earlier pieces of the same call do not hold. ``cut``: the hub
keeps no more of this stream; the whole answer is in the result."""

__all__ = [
    "AnswerPublisher",
    "ChunkKind",
    "Json",
    "StreamChunk",
    "StreamHub",
    "finish",
    "subscribe",
]

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamChunk:
    """What a subscriber gets.

    Attributes:
        stream_id: The stream.
        sequence: Its place in the stream, from 0 on without gaps, the same for every subscriber.
        call: The model call within the stream that it belongs to, from 1 on.
        attempt: Which attempt of that call said so, from 1 on.
        agent: The agent whose model speaks.
        kind: What it is.
        update: The piece, of an ``update``.
    """

    stream_id: str
    sequence: int
    call: int
    attempt: int
    agent: str | None
    kind: ChunkKind
    update: ChatResponseUpdate | None = None


class AnswerPublisher:
    """Publishes what one attempt of one model call says."""

    def __init__(
        self, hub: StreamHub, stream_id: str, *, call: int, attempt: int, agent: str | None
    ) -> None:
        self._hub = hub
        self._stream_id = stream_id
        # A worker may die and another repeat the attempt: each execution has a mark of its own.
        self._mark: Json = {
            "call": call,
            "attempt": attempt,
            "execution": uuid.uuid4().hex,
            "agent": agent,
        }
        self._is_broken = False

    async def update(self, update: ChatResponseUpdate) -> None:
        """Publish a piece."""
        await self._append({**self._mark, "kind": "update", "update": update.to_dict()})

    async def answered(self) -> None:
        """Say that the answer is whole."""
        await self._append({**self._mark, "kind": "answered"})

    async def _append(self, piece: Json) -> None:
        if self._is_broken:
            return
        try:
            await self._hub.append(self._stream_id, piece)
        except Exception as err:  # noqa: BLE001 - a hub that is down must not fail the model call
            self._is_broken = True
            # The type only: what a hub says may have what is streamed in it.
            _logger.warning(
                "stream %s is not live any more: its hub raised %s",
                self._stream_id,
                type(err).__name__,
            )


async def subscribe(
    hub: StreamHub, stream_id: str, *, after: int = -1
) -> AsyncGenerator[StreamChunk, None]:
    """Yield the chunks of a stream, from the first one on, until it is finished.

    Close it (``contextlib.aclosing``) where it may be left early.

    Args:
        hub: Where it is published.
        stream_id: The stream.
        after: The sequence number of the last chunk that the subscriber has had already.
    """
    from perdure_agent_framework.streaming.views import StreamView

    view = StreamView(stream_id)
    async with aclosing(hub.pieces(stream_id)) as pieces:
        async for piece in pieces:
            for chunk in view.take(piece):
                if chunk.sequence > after:
                    yield chunk


async def finish(hub: StreamHub, stream_id: str) -> None:
    """End a stream: subscribers come to their end, and the hub may let go of it in a while."""
    await hub.finish(stream_id)
