"""A LangGraph graph: durable, plain, or plain with LangGraph's own SQLite checkpointer.

``python -m`` this module, with ``perdure``, ``plain`` or ``plain, saved in SQLite``. The last
commits at each step (``durability="sync"``), without ``fsync``: WAL, ``synchronous`` as SQLite has
it, which is FULL only for the checkpoint of the log.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import perdure
from perdure.spi.journal import encode_journal
from perdure_bench.agents.graph import INPUT, NODES, counting_graph
from perdure_bench.agents.left_behind import left_behind
from perdure_bench.cells import PERDURE
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from perdure_bench.sides.jobs import Shape

PLAIN = "plain"
_CONFIG: Any = {"recursion_limit": 2 * NODES}


class GraphSide:
    """The graph in one of the ways."""

    def __init__(self, way: str) -> None:
        self._way = way
        self._opened = AsyncExitStack()
        self._runs: dict[str, asyncio.Future[Any]] = {}
        self._client: perdure.Client
        self._graph: Any

    async def connect(self) -> None:
        """Make the graph, and the app or the checkpointer."""
        enter = self._opened.enter_async_context
        if self._way == PERDURE:
            from perdure_langgraph import DurableGraphRunner

            app = perdure.App("bench-graphs")
            self._graph = DurableGraphRunner(counting_graph().compile(), app=app, name="count")
            self._client = await enter(app.run())
        elif self._way == PLAIN:
            self._graph = counting_graph().compile()
        else:
            from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

            folder = self._opened.enter_context(
                tempfile.TemporaryDirectory(prefix="perdure-bench-")
            )
            path = str(Path(folder) / "plain.db")
            saver = await enter(AsyncSqliteSaver.from_conn_string(path))
            self._graph = counting_graph().compile(checkpointer=saver)

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Begin a run on a thread of its own."""
        self._runs[instance_id] = asyncio.ensure_future(self._run(instance_id))

    async def result(self, instance_id: str) -> float:
        """Wait for its end."""
        return int((await self._runs.pop(instance_id))["count"])

    async def raise_event(self, instance_id: str) -> None:
        """Do nothing: it waits for none."""

    async def history(self, order: dict[str, Any]) -> dict[str, Any]:
        """Run once more; return what that leaves behind, of the answer and of the thread."""
        from perdure_langgraph.threads.requests import reply_instance_id, thread_instance_id

        await self._graph.ainvoke(
            dict(INPUT), _CONFIG, thread_id="history", request_id="once"
        )  # fmt: skip
        thread = thread_instance_id("count", "history")
        reply = reply_instance_id(thread, "once")
        of_thread = await self._client.get(None, thread).history()
        return {
            **await left_behind(self._client, reply),
            "thread_bytes": len(encode_journal(of_thread).encode()),
        }

    async def disconnect(self) -> None:
        """End the app."""
        await self._opened.aclose()

    def _run(self, thread: str) -> Awaitable[Any]:
        config = {**_CONFIG, "configurable": {"thread_id": thread}}
        durability = {} if self._way in (PERDURE, PLAIN) else {"durability": "sync"}
        run: Awaitable[Any] = self._graph.ainvoke(dict(INPUT), config, **durability)
        return run


if __name__ == "__main__":
    logging.disable(logging.INFO)
    subject = GraphSide(sys.argv[1])
    serve(subject, more={"history": subject.history})
