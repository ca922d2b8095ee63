"""Listening to a run: its chunks while it goes on, then those of its answer."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from perdure_langgraph.serde import decode
from perdure_langgraph.streaming.views import GraphChunk, StreamView

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from perdure.streams import Json, StreamHub


async def chunks_of_run(
    hub: StreamHub, stream_id: str, *, answer: Callable[[], Awaitable[Json]]
) -> AsyncGenerator[GraphChunk | Json, None]:
    """Yield the chunks of a run, each once, and at last its outcome.

    Args:
        hub: Where it is published.
        stream_id: Its stream.
        answer: Asks for the run and waits for its outcome.
    """
    view = StreamView()
    answering = asyncio.ensure_future(answer())
    ending = asyncio.ensure_future(_end_after(answering, hub, stream_id))
    try:
        async with aclosing(hub.pieces(stream_id)) as pieces:
            async for piece in pieces:
                for chunk in view.take(piece):
                    yield chunk
        outcome = await answering
    finally:
        answering.cancel()
        ending.cancel()
    for chunk in view.rest(decode(outcome["chunks"]) if "chunks" in outcome else []):
        yield chunk
    yield outcome


async def _end_after(answering: asyncio.Future[Any], hub: StreamHub, stream_id: str) -> None:
    await asyncio.wait({answering})
    await hub.finish(stream_id)


def shaped(chunk: GraphChunk, *, has_modes: bool, has_namespaces: bool) -> Any:
    """Return a chunk as the graph's own ``astream`` yields it."""
    parts = [
        *([chunk.namespace] if has_namespaces else []),
        *([chunk.mode] if has_modes else []),
        chunk.payload,
    ]
    return parts[0] if len(parts) == 1 else tuple(parts)
