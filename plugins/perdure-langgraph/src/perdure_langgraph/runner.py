"""The runner: a compiled graph whose threads are durable conversations."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import perdure
from perdure_langgraph.durable import durable_graph
from perdure_langgraph.failures import raised
from perdure_langgraph.requests import (
    CANCEL,
    CLOSE,
    REQUEST,
    Json,
    Kind,
    as_list,
    reply_instance_id,
    thread_instance_id,
)
from perdure_langgraph.serde import decode, encode
from perdure_langgraph.snapshots import snapshot_from
from perdure_langgraph.thread import threads_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import timedelta

    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel
    from langgraph.types import StateSnapshot

    from perdure import App, Client

_FIRST_PAUSE = 0.01
_LONGEST_PAUSE = 0.5


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
    ) -> None:
        """Register the graph with ``app``.

        Args:
            graph: A compiled graph; it stays as it is.
            app: The app whose workers run it. A client or a worker of it must be open when the
                runner is used: ``async with app.run(): …``.
            name: What the graph is called in every process; its own name by default.
            requests_per_run: After how many requests a thread begins a new run, with a new history.
            keep_checkpoints: How many checkpoints a thread keeps then, for its state history.

        Raises:
            DuplicateGraphError: The app has another graph of that name.
            TypeError: It is no compiled graph.
        """
        self.name = name or graph.get_name()
        self.graph = durable_graph(graph, app=app, name=self.name)
        self._app = app
        self._threads = threads_of(app)
        self._threads.graphs[self.name] = self.graph
        self._settings = {
            "requests_per_run": requests_per_run,
            "keep_checkpoints": keep_checkpoints,
        }

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
        value, _ = await self._ask(
            "run",
            input=input,
            config=config,
            thread_id=thread_id,
            request_id=request_id,
            options=options,
            timeout=timeout,
        )
        return value

    async def astream(
        self,
        input: Any,
        config: RunnableConfig | None = None,
        *,
        thread_id: str | None = None,
        request_id: str | None = None,
        stream_mode: str | Sequence[str] | None = None,
        **options: Any,
    ) -> AsyncIterator[Any]:
        """Run the graph and yield what it streams, as the graph's own ``astream``.

        Raises:
            Exception: The graph raised it.
        """
        modes = as_list(stream_mode, default="updates")
        _, chunks = await self._ask(
            "run",
            input=input,
            config=config,
            thread_id=thread_id,
            request_id=request_id,
            options=options,
            modes=modes,
        )
        for chunk in chunks:
            whole = chunk if len(chunk) == 3 else [None, *chunk]
            namespace, mode, payload = whole
            parts = [
                *([tuple(namespace)] if namespace is not None else []),
                *([mode] if not isinstance(stream_mode, str | None) else []),
                payload,
            ]
            yield parts[0] if len(parts) == 1 else tuple(parts)

    async def aget_state(
        self, config: RunnableConfig | None = None, *, thread_id: str | None = None, **options: Any
    ) -> StateSnapshot:
        """Return the state of a thread, or that of the checkpoint that ``config`` names."""
        value, _ = await self._ask("get_state", config=config, thread_id=thread_id, options=options)
        return snapshot_from(value)

    async def aget_state_history(
        self, config: RunnableConfig | None = None, *, thread_id: str | None = None, **options: Any
    ) -> AsyncIterator[StateSnapshot]:
        """Yield the states of a thread, the newest first."""
        value, _ = await self._ask(
            "get_history", config=config, thread_id=thread_id, options=options
        )
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
        value, _ = await self._ask(
            "update_state",
            input=values,
            config=config,
            thread_id=thread_id,
            options={"as_node": as_node},
        )
        made: RunnableConfig = value
        return made

    async def cancel(self, thread_id: str, *, request_id: str | None = None) -> None:
        """Cancel the run that goes on on a thread; nodes that run are given up."""
        async with self._app.client() as client:
            handle = client.get(None, thread_instance_id(self.name, thread_id))
            await handle.raise_event(CANCEL, {"request_id": request_id})

    async def close(self, thread_id: str) -> None:
        """End a thread once it is idle; its replies stay until they are purged."""
        async with self._app.client() as client:
            handle = client.get(None, thread_instance_id(self.name, thread_id))
            await handle.raise_event(CLOSE, {})

    async def _ask(
        self,
        kind: Kind,
        *,
        config: RunnableConfig | None,
        thread_id: str | None,
        options: Json,
        input: Any = None,
        request_id: str | None = None,
        modes: Sequence[str] = (),
        timeout: timedelta | None = None,
    ) -> tuple[Any, list[Any]]:
        whole: dict[str, Any] = dict(config or {})
        configurable = dict(whole.get("configurable") or {})
        thread = thread_id or configurable.get("thread_id") or uuid.uuid4().hex
        whole["configurable"] = {**configurable, "thread_id": thread}
        instance_id = thread_instance_id(self.name, thread)
        request = request_id or uuid.uuid4().hex
        reply_id = reply_instance_id(instance_id, request)
        event = {
            "kind": kind,
            "request_id": request,
            "reply_id": reply_id,
            "input": encode(input, what="the input of a graph"),
            "config": encode(whole, what="the config of a run"),
            "options": encode(dict(options), what="the options of a run"),
            "modes": list(modes),
        }
        async with self._app.client() as client:
            seconds = None if timeout is None else timeout.total_seconds()
            async with asyncio.timeout(seconds):
                outcome = await self._answered(client, instance_id, event)
        if outcome["kind"] == "cancelled":
            raise asyncio.CancelledError(f"request {request!r} of thread {thread!r} was cancelled")
        if outcome["kind"] == "error":
            raise raised(outcome, node=self.name)
        return decode(outcome["value"]), decode(outcome["chunks"]) if "chunks" in outcome else []

    async def _answered(self, client: Client, instance_id: str, event: Json) -> Json:
        reply = client.get(self._threads.reply, event["reply_id"])
        try:
            return await reply.result()
        except perdure.InstanceNotFoundError:
            pass  # not asked before, or not answered yet; a thread ignores what it has seen
        call = self._threads.thread.bind(self.name, self._settings)
        thread = await client.start(call, instance_id=instance_id, if_exists="attach")
        await thread.raise_event(REQUEST, event)
        pause = _FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            try:
                return await reply.result()
            except perdure.InstanceNotFoundError:
                pause = min(pause * 1.3, _LONGEST_PAUSE)
                await _check_runs(thread)


async def _check_runs(thread: Any) -> None:
    """Raise what ended the thread, if something did."""
    info = await thread.info()
    if info.status.is_terminal:
        await thread.result()
