"""Nodes and a state that many shapes are made of."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import StateGraph

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graph_kit.shapes import Log


class Trail(TypedDict):
    """Which nodes were there, in the order in which they are merged."""

    trail: Annotated[list[str], operator.add]
    count: Annotated[int, operator.add]


EMPTY: dict[str, Any] = {"trail": [], "count": 0}


def marking(log: Log, name: str) -> Callable[[Any], dict[str, Any]]:
    """Return a plain function as a node that leaves its name in the trail."""

    def node(state: Any) -> dict[str, Any]:
        log.note(name)
        return {"trail": [name], "count": 1}

    return node


def marking_async(log: Log, name: str) -> Callable[[Any], Awaitable[dict[str, Any]]]:
    """Return a coroutine function as a node that leaves its name in the trail."""

    async def node(state: Any) -> dict[str, Any]:
        log.note(name)
        return {"trail": [name], "count": 1}

    return node


def trails(log: Log, names: str, schema: Any = Trail, **nodes: Any) -> Any:
    """Return a graph with a marking node for each letter, and the other nodes that are given."""
    graph: Any = StateGraph(schema)
    for number, name in enumerate(names):
        graph.add_node(name, (marking, marking_async)[number % 2](log, name))
    for name, node in nodes.items():
        graph.add_node(name, node)
    return graph
