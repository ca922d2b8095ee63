"""The graph that is measured: 50 node executions, empty ones, so that the way to them is left."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph

if TYPE_CHECKING:
    from collections.abc import Mapping

NODES = 50
INPUT: Mapping[str, Any] = {"log": [], "count": 0}


class State(TypedDict):
    """What the nodes leave: a word each."""

    count: int
    log: Annotated[list[str], operator.add]


async def step(state: State) -> dict[str, Any]:
    """Count."""
    return {"count": state["count"] + 1, "log": [f"step {state['count']}"]}


def counting_graph() -> StateGraph[State, None, State, State]:
    """Return a graph whose one node runs 50 times, one after another."""
    graph = StateGraph(State)
    graph.add_node("step", step)
    graph.add_edge(START, "step")
    graph.add_conditional_edges(
        "step", lambda state: "step" if state["count"] < NODES else "__end__", ["step", "__end__"]
    )
    return graph
