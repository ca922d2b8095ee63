"""The runner: a compiled graph whose threads are durable conversations."""

from __future__ import annotations

import asyncio
import copy
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any

from perdure_langgraph.catalogue import catalogue_of
from perdure_langgraph.durable import durable_graph
from perdure_langgraph.streaming.live import hub_of
from perdure_langgraph.streaming.modes import chunks_of_run, shaped
from perdure_langgraph.streaming.views import GraphChunk
from perdure_langgraph.threads import asking
from perdure_langgraph.threads.approvals import rules_of
from perdure_langgraph.threads.requests import (
    Json,
    Kind,
    Request,
    as_list,
    make_request,
    thread_instance_id,
)
from perdure_langgraph.threads.snapshots import snapshot_from
from perdure_langgraph.threads.thread import threads_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
    from datetime import timedelta
    from typing import Self

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel
    from langgraph.types import StateSnapshot

    from perdure import App, Client
    from perdure.streams import StreamHub
    from perdure_langgraph.threads.approvals import GraphApproval


class DurableGraphRunner:
    """Runs a graph on threads that last: each node an activity, each thread a workflow instance.

    Attributes:
        graph: The durable copy of the graph, for use inside workflows.
        name: What the graph is called in every process.
    """

    def __init__(
        self,
        graph: Pregel[Any, Any, Any, Any],
        *,
        app: App,
        name: str | None = None,
        requests_per_run: int = 50,
        keep_checkpoints: int = 200,
        stream_hub: StreamHub | None = None,
        approvals: bool | Mapping[str, GraphApproval] = False,
    ) -> None:
        """Register the graph with ``app``.

        Args:
            graph: A compiled graph; it stays as it is.
            app: The app whose workers run it. A client or a worker of it must be open when the
                runner is used: ``async with app.run(): …``.
            name: What the graph is called in every process; its own name by default.
            requests_per_run: After how many requests a thread begins a new run, with a new history.
            keep_checkpoints: How many checkpoints a thread keeps then, for its state history. In a
                checkpointer that lasts, which the graph was compiled with, all are kept.
            stream_hub: Where what runs stream is published; by default as ``PERDURE_GRAPH_STREAMS``
                says, in this process.
            approvals: Which interrupts people approve while the run waits, by ``perdure approvals``
                or ``client.approvals``: ``True`` is all, a mapping says for which nodes and how.
                Any other interrupt ends the run, and is answered by ``Command(resume=…)``.

        Raises:
            DuplicateGraphError: The app has another graph of that name.
            TypeError: It is no compiled graph, or ``approvals`` is something else.
        """
        self.name = name or graph.get_name()
        self.graph = durable_graph(graph, app=app, name=self.name)
        catalogue = catalogue_of(app)
        assert catalogue is not None  # durable_graph made it
        self._catalogue = catalogue
        if stream_hub is not None:
            catalogue.hub = stream_hub
        self._app = app
        self._threads = threads_of(app)
        self._threads.graphs[self.name] = self.graph
        self._threads.rules[self.name] = rules_of(approvals)
        self._client: Client | None = None
        self._settings = {
            "requests_per_run": requests_per_run,
            "keep_checkpoints": keep_checkpoints,
        }

    def using(self, client: Client) -> Self:
        """Return this runner on a client of your own, such as that of ``run_in_memory``."""
        made = copy.copy(self)
        made._client = client
        return made

    async def ainvoke(
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        thread_id: str | None = None,
        request_id: str | None = None,
        timeout: timedelta | None = None,
        **options: Any,
    ) -> Any:
        """Run the graph on ``input`` and return its final state, as the graph's own ``ainvoke``.

        Args:
            input: The input, or a ``Command`` (``Command(resume=…)`` answers an interrupt).
            config: As for the graph; ``thread_id`` may be in it.
            thread_id: The thread; without one, a thread of this run alone.
            request_id: The same id gives the same answer, however often it is asked.
            timeout: How long to wait; the run goes on all the same.
            **options: ``context``, ``interrupt_before``, ``interrupt_after``, ``output_keys``.

        Raises:
            TimeoutError: There is no answer yet.
            Exception: The graph raised it.
        """
        return await self._ask(
            "run",
            input=input,
            config=config,
            thread_id=thread_id,
            request_id=request_id,
            options=options,
            timeout=timeout,
        )

    async def astream(
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        thread_id: str | None = None,
        request_id: str | None = None,
        stream_mode: str | Sequence[str] | None = None,
        **options: Any,
    ) -> AsyncGenerator[Any, None]:
        """Run the graph and yield what it streams as it goes on, as the graph's own ``astream``.

        What nodes stream in parallel comes as it is said. Close it (``contextlib.aclosing``) where
        it may be left early; the run goes on all the same.

        Raises:
            StreamModesError: The request was asked before, in other modes.
            Exception: The graph raised it.
        """
        has_modes = not isinstance(stream_mode, str | None)
        chunks = self.astream_chunks(
            input,
            config,
            thread_id=thread_id,
            request_id=request_id,
            stream_mode=stream_mode,
            **options,
        )
        async with aclosing(chunks):
            async for chunk in chunks:
                yield shaped(
                    chunk, has_modes=has_modes, has_namespaces=bool(options.get("subgraphs"))
                )

    async def astream_chunks(
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        thread_id: str | None = None,
        request_id: str | None = None,
        stream_mode: str | Sequence[str] | None = None,
        after: int = -1,
        **options: Any,
    ) -> AsyncGenerator[GraphChunk, None]:
        """Yield what :meth:`astream` does, each chunk with its place in the stream.

        Who was cut off asks again with the same ``request_id`` and ``after=`` the last sequence
        number that it has had.

        Raises:
            StreamModesError: The request was asked before, in other modes.
            Exception: The graph raised it.
        """
        modes = as_list(stream_mode, default="updates")
        request = self._request(
            "run",
            input=input,
            config=config,
            thread_id=thread_id,
            request_id=request_id,
            options=options,
            modes=modes,
        )
        hub = hub_of(self._catalogue)
        run = chunks_of_run(hub, request.event["reply_id"], answer=lambda: self._outcome(request))
        async with aclosing(run):
            async for chunk in run:
                if not isinstance(chunk, GraphChunk):
                    request.check_modes(chunk)
                    request.value_of(chunk)
                elif chunk.sequence > after:
                    yield chunk

    async def aget_state(
        self, config: RunnableConfig | None = None, *, thread_id: str | None = None, **options: Any
    ) -> StateSnapshot:
        """Return the state of a thread, or that of the checkpoint that ``config`` names."""
        value = await self._ask("get_state", config=config, thread_id=thread_id, options=options)
        return snapshot_from(value)

    async def aget_state_history(
        self, config: RunnableConfig | None = None, *, thread_id: str | None = None, **options: Any
    ) -> AsyncIterator[StateSnapshot]:
        """Yield the states of a thread, the newest first."""
        value = await self._ask("get_history", config=config, thread_id=thread_id, options=options)
        for snapshot in value:
            yield snapshot_from(snapshot)

    async def aupdate_state(
        self,
        config: RunnableConfig | None,
        values: Any,
        as_node: str | None = None,
        *,
        thread_id: str | None = None,
    ) -> RunnableConfig:
        """Change the state of a thread, or fork it from the checkpoint that ``config`` names."""
        value = await self._ask(
            "update_state",
            input=values,
            config=config,
            thread_id=thread_id,
            options={"as_node": as_node},
        )
        made: RunnableConfig = value
        return made

    async def cancel(self, thread_id: str, *, request_id: str | None = None) -> None:
        """Cancel a request of a thread; nodes that run are given up.

        Args:
            thread_id: The thread.
            request_id: The request, which may wait its turn; by default the one that runs.

        Raises:
            InstanceNotFoundError: There is no such thread.
            ThreadEndedError: The thread has ended.
        """
        instance_id = thread_instance_id(self.name, thread_id)
        async with self._connected() as client:
            await asking.cancel(client, instance_id, request_id=request_id)

    async def close(self, thread_id: str) -> None:
        """End a thread once it is idle; its replies stay until they are purged.

        Raises:
            InstanceNotFoundError: There is no such thread.
        """
        async with self._connected() as client:
            await asking.close(client, thread_instance_id(self.name, thread_id))

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        if self._client is not None:
            yield self._client
            return
        async with self._app.client() as client:
            yield client

    async def _ask(self, kind: Kind, *, timeout: timedelta | None = None, **given: Any) -> Any:
        request = self._request(kind, **given)
        seconds = None if timeout is None else timeout.total_seconds()
        async with asyncio.timeout(seconds):
            return request.value_of(await self._outcome(request))

    def _request(self, kind: Kind, **given: Any) -> Request:
        return make_request(self.name, kind, **given)

    async def _outcome(self, request: Request) -> Json:
        thread = self._threads.thread.bind(self.name, self._settings)
        async with self._connected() as client:
            return await asking.outcome_of(client, request, thread=thread)
