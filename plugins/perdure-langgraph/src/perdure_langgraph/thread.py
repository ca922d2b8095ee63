"""Threads: a long-lived workflow that runs a graph for whoever asks, one request after another.

The graph's loop runs in the workflow itself, so the thread's checkpoints are in its memory, made by
its history. What a request gave is the result of a small child workflow, whose id follows from the
request: asked twice, the answer is the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from typing import TYPE_CHECKING, Any

import perdure
from perdure import Registry
from perdure.framework import run_threads_inline
from perdure_langgraph.answers import answer
from perdure_langgraph.carried import dump, load
from perdure_langgraph.requests import CANCEL, CLOSE, REQUEST, Json
from perdure_langgraph.saver import WorkflowSaver

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

    from perdure import Workflow

THREAD_WORKFLOW = "graph.thread"
REPLY_WORKFLOW = "graph.reply"

_MAX_SEEN = 1_000


async def graph_reply(value: Json) -> Json:
    """Keep the answer to a request."""
    return value


class Threads:
    """The workflows of an app's threads.

    Attributes:
        graphs: The durable copies, by name.
        thread: The workflow that is a thread.
        reply: The workflow that is an answer.
    """

    def __init__(self, app: Registry) -> None:
        self.graphs: dict[str, Pregel[Any, Any, Any, Any]] = {}
        self.reply: Workflow[[Json], Json] = app.workflow(name=REPLY_WORKFLOW)(graph_reply)

        async def graph_thread(
            graph: str,
            settings: Json,
            checkpoints: str | None = None,
            seen: list[str] | None = None,
        ) -> None:
            await self._serve(graph, settings, checkpoints, seen or [])

        self.thread = app.workflow(name=THREAD_WORKFLOW)(graph_thread)

    async def _serve(
        self, name: str, settings: Json, checkpoints: str | None, seen: list[str]
    ) -> None:
        run_threads_inline()
        saver = load(checkpoints) if checkpoints else WorkflowSaver()
        graph = self.graphs[name].copy({"checkpointer": saver})
        closing = asyncio.ensure_future(CLOSE.wait())
        served = 0
        while served < settings["requests_per_run"]:
            request = await _next_request(closing)
            if request is None:
                return
            if request["reply_id"] not in seen:
                seen = [*seen[1 - _MAX_SEEN :], request["reply_id"]]
                await self._answer(graph, request)
                served += 1
        closing.cancel()
        kept = dump(saver, keep=settings["keep_checkpoints"])
        perdure.continue_as_new(name, settings, kept, seen)

    async def _answer(self, graph: Pregel[Any, Any, Any, Any], request: Json) -> None:
        perdure.set_custom_status({"state": "running", "request": request["request_id"]})
        work = asyncio.ensure_future(answer(graph, request))
        cancelling = asyncio.ensure_future(_cancelled(request["request_id"]))
        await asyncio.wait({work, cancelling}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
            await asyncio.wait({work})
        cancelling.cancel()
        value = {"kind": "cancelled"} if work.cancelled() else work.result()
        call = self.reply.bind(value)
        child = perdure.start_child(call, instance_id=request["reply_id"], on_parent_end="abandon")
        # Taken: it was answered long ago, before the request was forgotten here.
        with contextlib.suppress(perdure.InstanceAlreadyExistsError):
            await child.result()
        perdure.set_custom_status({"state": "idle"})


async def _next_request(closing: asyncio.Future[Json]) -> Json | None:
    """Return the next request; ``None`` once the thread is closed."""
    asking = asyncio.ensure_future(REQUEST.wait())
    await asyncio.wait({asking, closing}, return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        return asking.result()
    asking.cancel()
    return None


async def _cancelled(request_id: str) -> None:
    while (await CANCEL.wait()).get("request_id") not in (request_id, None):
        pass


_threads: weakref.WeakKeyDictionary[Registry, Threads] = weakref.WeakKeyDictionary()


def threads_of(app: Registry) -> Threads:
    """Return the workflows of the threads of ``app``, registered with it the first time."""
    if app not in _threads:
        _threads[app] = Threads(app)
    return _threads[app]
