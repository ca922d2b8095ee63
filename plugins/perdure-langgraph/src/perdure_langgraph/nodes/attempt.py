"""One run of a node's function in its activity: what it sees, and what it does."""

from __future__ import annotations

import functools
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.messages import BaseMessage
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CALL,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_NODE_ERROR,
    CONFIG_KEY_READ_STATE,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_STREAM,
    CONFIG_KEY_TASK_ID,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.config import get_config
from langgraph.pregel._algo import LazyAtomicCounter
from langgraph.pregel.protocol import StreamProtocol
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import Command

from perdure_langgraph.failures import heard_by_handler
from perdure_langgraph.nodes.call import NO_RESUME, Json
from perdure_langgraph.nodes.called_graphs import CalledGraphs
from perdure_langgraph.nodes.called_tasks import CalledTasks
from perdure_langgraph.serde import decode, encode
from perdure_langgraph.streaming import handlers as stream_handlers

if TYPE_CHECKING:
    from perdure_langgraph.catalogue import Node
    from perdure_langgraph.streaming.live import NodePublisher


class Attempt:
    """One run of a node's function.

    Attributes:
        writes: What it has written to channels by itself.
    """

    def __init__(self, node: Node, request: Json, publisher: NodePublisher) -> None:
        self.writes: deque[Any] = deque()
        self._node = node
        self._request = request
        self._publisher = publisher
        self._streamed: list[list[Any]] = []
        self._null_resume_used = False
        self._called = CalledGraphs(node, request)

    def config(self) -> Any:
        """Return the config that the function is to see."""
        request = self._request
        modes = set(request["modes"])
        execution = decode(request["execution"])
        configurable = {
            **decode(request["configurable"]),
            CONFIG_KEY_SCRATCHPAD: self._scratchpad(),
            CONFIG_KEY_CHECKPOINT_NS: request["namespace"],
            CONFIG_KEY_SEND: self.writes.extend,
            CONFIG_KEY_RUNTIME: self._runtime(execution),
            CONFIG_KEY_TASK_ID: execution.get("task_id"),
            CONFIG_KEY_NODE_ERROR: heard_by_handler(request["error"]),
            CONFIG_KEY_CALL: CalledTasks(),
            **self._called.configurable,
        }
        if (state := request.get("graph_state")) is not None:
            configurable[CONFIG_KEY_READ_STATE] = functools.partial(decode, state)
        if modes:
            configurable[CONFIG_KEY_STREAM] = StreamProtocol(self._tell_stream, modes)
        return {
            CONF: configurable,
            "metadata": decode(request["metadata"]),
            "tags": request["tags"],
            "recursion_limit": request["recursion_limit"],
            "callbacks": self._callbacks(),
        }

    def outcome(self, kind: str, value: Any) -> Json:
        """Return what the function gave, with all that it did, as data.

        Raises:
            UnserializableStateError: It cannot be stored.
        """
        what = f"what node {self._node.key!r} gives"
        return self.completed({"kind": kind, "value": encode(value, what=what)})

    def completed(self, outcome: Json) -> Json:
        """Return ``outcome`` with what the function wrote and streamed."""
        if self.writes:
            what = f"what node {self._node.key!r} writes"
            outcome["writes"] = encode(list(self.writes), what=what)
        if self._streamed:
            what = f"what node {self._node.key!r} streams"
            outcome["streamed"] = encode(self._streamed, what=what)
        if self._null_resume_used:
            outcome["null_resume_used"] = True
        outcome.update(self._called.outcome(is_value=outcome["kind"] == "value"))
        return outcome

    def _runtime(self, execution: Json) -> Runtime[Any]:
        request = self._request
        return Runtime(
            context=decode(request["context"]),
            store=self._node.graph.store or self._node.root.store,
            stream_writer=self._write if request["custom"] else lambda _: None,
            previous=decode(request["previous"]),
            execution_info=ExecutionInfo(**execution) if execution else None,
        )

    def _scratchpad(self) -> PregelScratchpad:
        given = self._request["null_resume"]

        def null_resume(consume: bool = False) -> Any:
            if given == NO_RESUME or self._null_resume_used:
                return None
            if consume:
                self._null_resume_used = True
            return decode(given)

        return PregelScratchpad(
            step=self._request["step"],
            stop=self._request["stop"],
            call_counter=LazyAtomicCounter(),
            interrupt_counter=LazyAtomicCounter(),
            get_null_resume=null_resume,
            resume=decode(self._request["resume"]),
            subgraph_counter=LazyAtomicCounter(),
        )

    def _callbacks(self) -> list[Any]:
        """Return the callbacks of the user's graph, then those of the stream modes."""
        graphs = [self._node.root, self._node.graph]
        if graphs[0] is graphs[1]:
            graphs.pop()
        given = [(graph.config or {}).get("callbacks") for graph in graphs]
        own: list[Any] = []
        for each in given:
            own.extend(each.handlers if isinstance(each, BaseCallbackManager) else each or ())
        return [*own, *stream_handlers.made(self._request["handlers"], self._tell)]

    def _write(self, chunk: Any) -> None:
        # As LangGraph's own writer, which knows by this whether a graph within the node writes.
        namespace = get_config()[CONF][CONFIG_KEY_CHECKPOINT_NS]
        self._tell(None, (tuple(namespace.split("|")[:-1]), "custom", chunk))

    def _tell_stream(self, chunk: tuple[Any, ...]) -> None:
        self._tell(None, chunk)

    def _tell(self, handler: int | None, chunk: tuple[Any, ...]) -> None:
        self._streamed.append([handler, list(chunk)])
        self._publisher.tell(chunk)


def stamp(value: Any) -> None:
    """Give messages without an id one here, where chance may have a say."""
    if isinstance(value, BaseMessage):
        if value.id is None:
            value.id = str(uuid.uuid4())
    elif isinstance(value, dict):
        for item in value.values():
            stamp(item)
    elif isinstance(value, list | tuple):
        for item in value:
            stamp(item)
    elif isinstance(value, Command):
        stamp(value.update)
