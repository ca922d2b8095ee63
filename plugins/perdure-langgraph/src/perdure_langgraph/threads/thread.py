"""Threads: a long-lived workflow that answers whoever asks, one request after another.

What a request gives is the result of a child workflow, whose id follows from the request: asked
twice, the answer is the same. The graph's loop runs in that child, so the history of the thread has
no step of the graph in it: a thread that sleeps is at ease with a graph that changes. The thread's
checkpoints are in its memory, made by its history, unless the graph was compiled with a
checkpointer that lasts: then they are there.
"""

from __future__ import annotations

import asyncio
import weakref
from typing import TYPE_CHECKING, Any

from langgraph.channels.delta import DeltaChannel

import perdure
from perdure import Registry
from perdure_langgraph.checkpoints.checkpointers import RoutingSaver
from perdure_langgraph.determinism import draw_later_than
from perdure_langgraph.errors import GraphNotRegisteredError
from perdure_langgraph.threads.answers import answer, is_of_newest
from perdure_langgraph.threads.approving import Approvers
from perdure_langgraph.threads.carried import added, dump, load, merge
from perdure_langgraph.threads.requests import CANCEL, CLOSE, REQUEST, Json

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

    from perdure import Workflow
    from perdure_langgraph.checkpoints.saver import WorkflowSaver
    from perdure_langgraph.threads.approvals import Rules

    Graph = Pregel[Any, Any, Any, Any]

THREAD_WORKFLOW = "graph.thread"
REPLY_WORKFLOW = "graph.reply"

_MAX_SEEN = 1_000
_CANCELLED: Json = {"kind": "cancelled"}


class Threads:
    """The workflows of an app's threads.

    Attributes:
        graphs: The durable copies, by name.
        rules: Which of their interrupts people approve, by name.
        thread: The workflow that is a thread.
        reply: The workflow that is an answer.
    """

    def __init__(self, app: Registry) -> None:
        self.graphs: dict[str, Graph] = {}
        self.rules: dict[str, Rules] = {}

        async def graph_reply(value: Json) -> Json:
            return value["answer"] if "answer" in value else await self._reply(value)

        async def graph_thread(
            graph: str,
            settings: Json,
            checkpoints: str | None = None,
            seen: list[str] | None = None,
        ) -> None:
            await self._serve(graph, settings, checkpoints, seen or [])

        self.reply: Workflow[[Json], Json] = app.workflow(name=REPLY_WORKFLOW)(graph_reply)
        self.thread = app.workflow(name=THREAD_WORKFLOW)(graph_thread)

    async def _serve(
        self, name: str, settings: Json, checkpoints: str | None, seen: list[str]
    ) -> None:
        # Also where the checkpointer lasts, since only who runs the graph knows: it stays empty.
        saver = load(checkpoints)
        closing = asyncio.ensure_future(CLOSE.wait())
        cancelled: set[str] = set()
        noting = asyncio.ensure_future(_note_cancelled(cancelled))
        served = 0
        while served < settings["requests_per_run"]:
            request = await _next_request(closing)
            if request is None:
                return
            if request["reply_id"] not in seen:
                seen = [*seen[1 - _MAX_SEEN :], request["reply_id"]]
                is_cancelled = request["reply_id"] in cancelled
                await self._answer(name, saver, request, is_cancelled=is_cancelled)
                served += 1
        closing.cancel()
        noting.cancel()
        keep = None if self._needs_all(name) else settings["keep_checkpoints"]
        kept = dump(saver, keep=keep)
        perdure.continue_as_new(name, settings, kept, seen)

    async def _answer(
        self, name: str, saver: WorkflowSaver, request: Json, *, is_cancelled: bool
    ) -> None:
        perdure.set_custom_status({"state": "running", "request": request["request_id"]})
        keep = 1 if is_of_newest(request) and not self._needs_all(name) else None
        kept = dump(saver, keep=keep)
        value = {"graph": name, "request": request, "checkpoints": kept}
        call = self.reply.bind({"answer": _CANCELLED} if is_cancelled else value)
        child = perdure.start_child(call, instance_id=request["reply_id"])
        try:
            reply = await child.result()
        except perdure.InstanceAlreadyExistsError:
            reply = {}  # answered long ago, before the request was forgotten here
        except (perdure.WorkflowFailedError, perdure.WorkflowTerminatedError):
            reply = {}  # whoever asked finds out by themselves
        if "checkpoints" in reply:
            merge(saver, reply["checkpoints"])
        perdure.set_custom_status({"state": "idle"})

    def _needs_all(self, name: str) -> bool:
        """Return whether values are made of what all checkpoints of a thread added to them."""
        graph = self.graphs.get(name)
        return graph is not None and any(
            isinstance(channel, DeltaChannel) for channel in graph.channels.values()
        )

    async def _reply(self, value: Json) -> Json:
        """Run or read the graph; return the answer, with the checkpoints that were made."""
        graph = self.graphs.get(value["graph"])
        if graph is None:
            known = list(self.graphs)
            raise GraphNotRegisteredError(kind="graph", name=value["graph"], known=known)
        approvers = Approvers(graph=value["graph"], rules=self.rules.get(value["graph"], {}))
        if _has_own_checkpointer(graph):
            return await _answer_unless_cancelled(graph, value["request"], approvers)
        saver = load(value["checkpoints"])
        draw_later_than(saver.checkpoint_ids())
        graph = graph.copy({"checkpointer": saver})
        reply = await _answer_unless_cancelled(graph, value["request"], approvers)
        return {**reply, "checkpoints": added(saver, load(value["checkpoints"]))}


def _has_own_checkpointer(graph: Graph) -> bool:
    """Return whether the state of threads is in a checkpointer of the user's that lasts."""
    saver = graph.checkpointer
    return isinstance(saver, RoutingSaver) and not saver.is_of_the_run


async def _answer_unless_cancelled(graph: Graph, request: Json, approvers: Approvers) -> Json:
    work = asyncio.ensure_future(answer(graph, request, approvers))
    cancelling = asyncio.ensure_future(CANCEL.wait())
    await asyncio.wait({work, cancelling}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
    cancelling.cancel()
    return _CANCELLED if work.cancelled() else work.result()


async def _next_request(closing: asyncio.Future[Json]) -> Json | None:
    """Return the next request; ``None`` once the thread is closed."""
    asking = asyncio.ensure_future(REQUEST.wait())
    await asyncio.wait({asking, closing}, return_when=asyncio.FIRST_COMPLETED)
    if asking.done():
        return asking.result()
    asking.cancel()
    return None


async def _note_cancelled(cancelled: set[str]) -> None:
    while True:
        cancelled.add((await CANCEL.wait())["reply_id"])


_threads: weakref.WeakKeyDictionary[Registry, Threads] = weakref.WeakKeyDictionary()


def threads_of(app: Registry) -> Threads:
    """Return the workflows of the threads of ``app``, registered with it the first time."""
    if app not in _threads:
        _threads[app] = Threads(app)
    return _threads[app]
