"""How a workflow publishes what its graph's loop streams: by one small activity after another."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.messages import AIMessageChunk

from perdure.framework import call_activity
from perdure_langgraph.serde import encode
from perdure_langgraph.streaming.live import PUBLISH_ACTIVITY

Json = dict[str, Any]


class LoopPublisher:
    """Publishes chunks of a run; while an activity publishes, those that come wait for the next.

    What nodes stream token by token is not published from here: their activities do that.
    """

    def __init__(self, stream_id: str | None) -> None:
        self._stream_id = stream_id
        self._waiting: list[Json] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, index: int, chunk: list[Any]) -> None:
        """Publish a chunk, which is the one of this index among all of the run."""
        if self._stream_id is None or _is_of_a_node(chunk):
            return
        text = encode(chunk, what="what a graph streams")
        self._waiting.append({"kind": "loop", "index": index, "chunk": text})
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._publish())

    async def close(self) -> None:
        """Publish no more: whoever listens gets the rest with the answer."""
        self._waiting.clear()
        if self._task is not None:
            await self._task

    async def _publish(self) -> None:
        # After all that comes in the same step.
        await asyncio.sleep(0)
        while self._waiting:
            pieces, self._waiting = self._waiting, []
            given = {"stream_id": self._stream_id, "pieces": pieces}
            await call_activity(PUBLISH_ACTIVITY, lambda given=given: given)  # type: ignore[misc]


def _is_of_a_node(chunk: list[Any]) -> bool:
    mode, payload = chunk[-2:]
    return mode == "custom" or (mode == "messages" and isinstance(payload[0], AIMessageChunk))
