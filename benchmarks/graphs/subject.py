"""What is measured: a graph of 50 node executions, empty ones, so that the way to them is left."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
from perdure_langgraph import DurableGraphRunner  # noqa: TID251 - it is what is measured

import perdure

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


def waiting_graph() -> StateGraph[State, None, State, State]:
    """Return a graph that asks, and waits."""

    async def ask(state: State) -> dict[str, Any]:
        return {"log": [interrupt("?")]}

    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    return graph


class Subject:
    """An app with both graphs, and with a chain of as many activities as a floor.

    Attributes:
        app: The app.
        counting: The graph of 50 node executions.
        waiting: The graph that waits.
        chain: A workflow of 50 activities, one after another.
    """

    def __init__(self, backend: str) -> None:
        self.app = perdure.App("graphs", backend=backend)
        self.counting = DurableGraphRunner(counting_graph().compile(), app=self.app, name="count")
        self.waiting = DurableGraphRunner(waiting_graph().compile(), app=self.app, name="wait")

        @self.app.activity
        async def next_step(number: int) -> int:
            return number + 1

        @self.app.workflow
        async def chain() -> int:
            number = 0
            while number < NODES:
                number = await next_step(number)
            return number

        self.chain = chain
