"""The activity of a node: the user's function, run for real in a config like LangGraph's own."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import var_child_runnable_config
from langgraph.errors import GraphInterrupt, NodeCancelledError, ParentCommand
from langgraph.pregel._retry import _should_retry_on

from perdure_langgraph.errors import UnserializableStateError
from perdure_langgraph.failures import told
from perdure_langgraph.nodes.attempt import Attempt, stamp
from perdure_langgraph.nodes.cache import CachedNode
from perdure_langgraph.nodes.call import Json, retry_policies
from perdure_langgraph.nodes.limits import run_within_limits
from perdure_langgraph.nodes.off_loop import off_the_loop
from perdure_langgraph.serde import decode
from perdure_langgraph.streaming.live import NodePublisher

if TYPE_CHECKING:
    from perdure_langgraph.catalogue import Catalogue, Node


async def run_node(catalogue: Catalogue, request: Json) -> Json:
    """Return what the node that ``request`` names does: a value, an interrupt, an error ….

    Raises:
        GraphNotRegisteredError: This app does not have the node.
    """
    node = catalogue.find_node(request["node"])
    state = decode(request["state"])
    cached = CachedNode(node, state)
    if (known := await cached.get()) is not None:
        return {**known, "node": node.key}
    publisher = NodePublisher(catalogue, request)
    try:
        outcome = await _outcome(node, state, Attempt(node, request, publisher))
    finally:
        await publisher.close()
    if outcome["kind"] == "value":
        await cached.put(outcome)
    return {**outcome, "node": node.key}


async def _outcome(node: Node, state: Any, attempt: Attempt) -> Json:
    try:
        value = await _invoke(node, state, attempt)
        stamp(value)
        return attempt.outcome("value", value)
    except GraphInterrupt as err:
        interrupts = [
            {"value": it.value, "id": it.id, "response_schema": it.response_schema}
            for it in err.args[0]
        ]
        return attempt.outcome("interrupt", interrupts)
    except ParentCommand as err:
        return attempt.outcome("parent_command", err.args[0])
    except UnserializableStateError as err:
        return {"kind": "error", "error": told(err), "retry": None}
    except Exception as err:  # noqa: BLE001 - what a node raises is its graph's business
        retry = next(
            (n for n, it in enumerate(retry_policies(node)) if _should_retry_on(it, err)), None
        )
        return attempt.completed({"kind": "error", "error": told(err), "retry": retry})


async def _invoke(node: Node, state: Any, attempt: Attempt) -> Any:
    config = attempt.config()
    # interrupt(), get_config() and get_stream_writer() read this variable.
    context = contextvars.copy_context()
    context.run(var_child_runnable_config.set, config)
    work = run_within_limits(
        node, off_the_loop(node.node.bound), state=state, config=config, writes=attempt.writes
    )
    try:
        return await asyncio.create_task(work, context=context)
    except asyncio.CancelledError as err:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise NodeCancelledError(node.key.rpartition("/")[2]) from err
