"""The timeout of a node, watched by LangGraph's own watchdogs in the node's activity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langgraph.pregel._retry import _arun_with_timeout, _resolve_timeout

if TYPE_CHECKING:
    from collections import deque

    from perdure_langgraph.catalogue import Node


@dataclass(kw_only=True)
class _Execution:
    """As much of LangGraph's executable task as its watchdogs look at."""

    name: str
    proc: Any
    input: Any
    writes: deque[Any]
    id: str = field(default="")


async def run_within_limits(
    node: Node, bound: Any, *, state: Any, config: Any, writes: deque[Any]
) -> Any:
    """Run ``bound`` on ``state``, for no longer than the node's timeout policy allows.

    Raises:
        NodeTimeoutError: It took too long, or was idle for too long.
        Exception: The node raised it.
    """
    policy = node.node.timeout
    if policy is None:
        return await bound.ainvoke(state, config)
    name = node.key.rpartition("/")[2]
    task: Any = _Execution(name=name, proc=bound, input=state, writes=writes)
    return await _arun_with_timeout(task, config, _resolve_timeout(policy), None, stream=False)
