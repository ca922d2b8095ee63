"""What a run streams, published while the run goes on."""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from typing import TYPE_CHECKING, Any

from perdure.streams import StreamHub, hub_named
from perdure_langgraph.serde import encode

if TYPE_CHECKING:
    from perdure_langgraph.catalogue import Catalogue

VARIABLE = "PERDURE_GRAPH_STREAMS"
"""``memory`` (the default): workers and subscribers share a process. ``file``: they share a host;
pieces lie in plain text in files that only this user may read. ``file:///folder``: those files are
there."""

PUBLISH_ACTIVITY = "graph.publish"

STREAM_KEY = "__pregel_perdure_stream"
"""Where in ``configurable`` a run says which stream it is published to, and in which modes."""

Json = dict[str, Any]

_logger = logging.getLogger(__name__)


def hub_of(catalogue: Catalogue) -> StreamHub:
    """Return the hub that was set, else the one of the variable, which the process shares.

    Raises:
        ConfigurationError: The variable says something that is not understood.
    """
    setting = os.environ.get(VARIABLE, "")
    return catalogue.hub or hub_named(setting, variable=VARIABLE, folder="graph-streams")


class NodePublisher:
    """Publishes what one run of a node streams, in order. Nodes may stream from any thread."""

    def __init__(self, catalogue: Catalogue, request: Json) -> None:
        asked: Json = request["stream"] or {}
        self._stream_id: str | None = asked.get("id")
        self._modes: list[str] = asked.get("modes", [])
        self._hub = hub_of(catalogue) if self._stream_id is not None else None
        # A worker may die and another run the node again: each execution has a mark of its own.
        self._mark = {"call": request["namespace"], "attempt": request["attempt"]}
        self._execution = uuid.uuid4().hex
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._task = None if self._hub is None else asyncio.create_task(self._publish(self._hub))

    def tell(self, chunk: tuple[Any, ...]) -> None:
        """Publish a chunk soon, if its mode is one that was asked for."""
        if self._task is None or chunk[1] not in self._modes:
            return
        text = encode(list(chunk), what="what a node streams")
        piece = {"kind": "node", **self._mark, "execution": self._execution, "chunk": text}
        self._loop.call_soon_threadsafe(self._queue.put_nowait, piece)

    async def close(self) -> None:
        """Return once everything that was told is published."""
        if self._task is not None:
            # Behind what threads have handed to the loop before.
            self._loop.call_soon(self._queue.put_nowait, None)
            await self._task

    async def _publish(self, hub: StreamHub) -> None:
        assert self._stream_id is not None
        while (piece := await self._queue.get()) is not None:
            if not await append(hub, self._stream_id, piece):
                return


async def append(hub: StreamHub, stream_id: str, piece: Json) -> bool:
    """Publish a piece; say whether the hub took it. A hub that is down must not fail a run."""
    try:
        await hub.append(stream_id, piece)
    except Exception as err:  # noqa: BLE001 - whatever it is, the run goes on
        # The type only: what a hub says may have what is streamed in it.
        _logger.warning(
            "stream %s is not live any more: its hub raised %s", stream_id, type(err).__name__
        )
        return False
    return True
