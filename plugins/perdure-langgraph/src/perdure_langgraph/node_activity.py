"""The activity of a node: the user's function, run for real in a config like LangGraph's own."""

from __future__ import annotations

import asyncio
import contextvars
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables.config import var_child_runnable_config
from langgraph._internal._constants import (
    CONF,
    CONFIG_KEY_CHECKPOINT_NS,
    CONFIG_KEY_NODE_ERROR,
    CONFIG_KEY_RUNTIME,
    CONFIG_KEY_SCRATCHPAD,
    CONFIG_KEY_SEND,
    CONFIG_KEY_STREAM,
    CONFIG_KEY_TASK_ID,
)
from langgraph._internal._scratchpad import PregelScratchpad
from langgraph.errors import GraphInterrupt, ParentCommand
from langgraph.pregel._algo import LazyAtomicCounter
from langgraph.pregel._retry import _should_retry_on
from langgraph.pregel.protocol import StreamProtocol
from langgraph.runtime import ExecutionInfo, Runtime
from langgraph.types import Command

from perdure_langgraph.failures import told
from perdure_langgraph.node_call import _NONE, Json, retry_policies
from perdure_langgraph.serde import decode, encode

if TYPE_CHECKING:
    from perdure_langgraph.catalogue import Catalogue, Node


@dataclass(kw_only=True)
class _Attempt:
    """One run of a node's function, and what it does besides returning."""

    node: Node
    request: Json
    writes: deque[Any] = field(default_factory=deque)
    streamed: list[Any] = field(default_factory=list)
    null_resume_used: bool = False

    def config(self) -> Any:
        request = self.request
        execution = decode(request["execution"])
        modes = set(request["modes"])
        runtime = Runtime(
            context=decode(request["context"]),
            store=self.node.graph.store,
            stream_writer=self._write if "custom" in modes else lambda _: None,
            previous=decode(request["previous"]),
            execution_info=ExecutionInfo(**execution) if execution else None,
        )
        configurable = {
            **decode(request["configurable"]),
            CONFIG_KEY_SCRATCHPAD: self._scratchpad(),
            CONFIG_KEY_CHECKPOINT_NS: request["namespace"],
            CONFIG_KEY_SEND: self.writes.extend,
            CONFIG_KEY_RUNTIME: runtime,
            CONFIG_KEY_TASK_ID: execution.get("task_id"),
            CONFIG_KEY_NODE_ERROR: decode(request["error"]),
        }
        if modes:
            configurable[CONFIG_KEY_STREAM] = StreamProtocol(self.streamed.append, modes)
        return {
            CONF: configurable,
            "metadata": decode(request["metadata"]),
            "tags": request["tags"],
            "recursion_limit": request["recursion_limit"],
        }

    def _scratchpad(self) -> PregelScratchpad:
        given = self.request["null_resume"]

        def null_resume(consume: bool = False) -> Any:
            if given == _NONE or self.null_resume_used:
                return None
            if consume:
                self.null_resume_used = True
            return decode(given)

        return PregelScratchpad(
            step=self.request["step"],
            stop=self.request["stop"],
            call_counter=LazyAtomicCounter(),
            interrupt_counter=LazyAtomicCounter(),
            get_null_resume=null_resume,
            resume=decode(self.request["resume"]),
            subgraph_counter=LazyAtomicCounter(),
        )

    def _write(self, chunk: Any) -> None:
        namespace = tuple(self.request["namespace"].split("|")[:-1])
        self.streamed.append((namespace, "custom", chunk))

    def outcome(self, kind: str, value: Any) -> Json:
        what = f"what node {self.node.key!r} gives"
        outcome: Json = {"kind": kind, "value": encode(value, what=what)}
        return self.completed(outcome)

    def completed(self, outcome: Json) -> Json:
        if self.writes:
            outcome["writes"] = encode(list(self.writes), what="what a node writes")
        if self.streamed:
            outcome["streamed"] = encode(self.streamed, what="what a node streams")
        if self.null_resume_used:
            outcome["null_resume_used"] = True
        return outcome


async def run_node(catalogue: Catalogue, request: Json) -> Json:
    """Return what the node that ``request`` names does: a value, an interrupt, an error ….

    Raises:
        GraphNotRegisteredError: This app does not have the node.
        UnserializableStateError: What it returned cannot be stored.
    """
    node = catalogue.find_node(request["node"])
    attempt = _Attempt(node=node, request=request)
    try:
        value = await _invoke(node, decode(request["state"]), attempt.config())
    except GraphInterrupt as err:
        interrupts = [
            {"value": it.value, "id": it.id, "response_schema": it.response_schema}
            for it in err.args[0]
        ]
        return attempt.outcome("interrupt", interrupts)
    except ParentCommand as err:
        return attempt.outcome("parent_command", err.args[0])
    except Exception as err:  # noqa: BLE001 - what a node raises is its graph's business
        retry = next(
            (n for n, it in enumerate(retry_policies(node)) if _should_retry_on(it, err)), None
        )
        return attempt.completed({"kind": "error", "error": told(err), "retry": retry})
    _stamp(value)
    return attempt.outcome("value", value)


async def _invoke(node: Node, state: Any, config: Any) -> Any:
    # interrupt(), get_config() and get_stream_writer() read this variable.
    context = contextvars.copy_context()
    context.run(var_child_runnable_config.set, config)
    return await asyncio.create_task(node.node.bound.ainvoke(state, config), context=context)


def _stamp(value: Any) -> None:
    """Give messages without an id one here, where chance may have a say."""
    if isinstance(value, BaseMessage):
        if value.id is None:
            value.id = str(uuid.uuid4())
    elif isinstance(value, dict):
        for item in value.values():
            _stamp(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _stamp(item)
    elif isinstance(value, Command):
        _stamp(value.update)
