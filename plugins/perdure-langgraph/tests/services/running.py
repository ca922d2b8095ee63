"""Running a graph in a workflow of an app on SQLite, and replaying what it did."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import perdure
from perdure._replay import WorkflowExecutor
from perdure_langgraph import durable_graph
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from langgraph.pregel import Pregel

    from perdure import Client
    from perdure.spi.history import HistoryEvent

    Graph = Pregel[Any, Any, Any, Any]
    Body = Callable[[Graph], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Bench:
    """An app with one graph, and one workflow around it.

    Attributes:
        app: The app.
        client: A client of it; its worker runs.
        graph: The durable graph.
        histories: The histories of the workflows that ran.
    """

    app: perdure.App
    client: Client
    graph: Graph
    body: perdure.Workflow[[], str]
    histories: list[list[HistoryEvent]]

    async def run(self) -> Any:
        """Return what the body returns; its replay, strictly, is checked."""
        handle = await self.client.start(self.body)
        try:
            return decode(await handle.result())
        finally:
            history = list(await handle.history())
            self.histories.append(history)
            WorkflowExecutor.rebuild(self.body.definition(), history, strict=True).close()

    def activities(self) -> list[str]:
        """Return the names of the activities of the last run, in order."""
        names = (getattr(event, "name", "") for event in self.histories[-1])
        return [name for name in names if name.startswith("graph.")]


@contextlib.asynccontextmanager
async def bench(graph: Graph, body: Body, folder: Path) -> AsyncIterator[Bench]:
    """Open a bench: ``body`` is what its workflow does with the durable graph."""
    app = perdure.App("bench", backend=f"sqlite:///{folder / 'bench.db'}")
    durable = durable_graph(graph, app=app, name="g")

    @app.workflow
    async def run_body() -> str:
        return encode(await body(durable), what="the result of the body")

    async with app.run() as client:
        yield Bench(app=app, client=client, graph=durable, body=run_body, histories=[])


async def run_once(graph: Graph, body: Body, folder: Path) -> Any:
    """Return what ``body`` returns in a workflow."""
    async with bench(graph, body, folder) as opened:
        return await opened.run()
