"""Graphs that changed while a thread slept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph._internal._constants import TASKS
from langgraph.types import Send

from perdure_langgraph.errors import NodeGoneError

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.pregel import Pregel

_BRANCH = "branch:to:"


async def check_nodes_are_there(graph: Pregel[Any, Any, Any, Any], config: RunnableConfig) -> None:
    """Check that the graph has the nodes that are next on a thread.

    LangGraph passes over what waits for a node that is not there, and says that all is done.

    Raises:
        NodeGoneError: It does not have one.
    """
    saver: Any = graph.checkpointer
    saved = await saver.aget_tuple(config)
    if saved is None:
        return
    gone = sorted(set(_next_nodes(saved.checkpoint)) - graph.nodes.keys())
    if gone:
        raise NodeGoneError(nodes=gone, known=[name for name in graph.nodes if name[:2] != "__"])


def _next_nodes(checkpoint: Any) -> list[str]:
    values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
    # What the last step wrote has the highest version; older values wait for nothing any more.
    last = max(versions.values(), default=None)
    named = [
        name.removeprefix(_BRANCH)
        for name in values
        if name.startswith(_BRANCH) and versions.get(name) == last
    ]
    return [*named, *(it.node for it in values.get(TASKS) or () if isinstance(it, Send))]
