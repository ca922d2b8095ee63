"""A desk: a graph with a question in the middle, on threads of the embedded engine."""

from __future__ import annotations

import operator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import interrupt

import perdure
from perdure.testing import run_in_memory
from perdure_langgraph import DurableGraphRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from perdure.testing import Environment

    Node = Callable[["State"], Any]


class State(TypedDict, total=False):
    """What was said."""

    log: Annotated[list[Any], operator.add]


def said(*words: Any) -> State:
    """Return an input, or an update."""
    return {"log": list(words)}


@dataclass
class Counted:
    """A node that counts how often it runs, and says how much it has seen."""

    name: str = "work"
    runs: list[str] = field(default_factory=list)

    def __call__(self, state: State) -> State:
        self.runs.append(state["log"][-1])
        return said(f"{self.name} saw {len(state['log'])}")


def asking(question: Any) -> Node:
    """Return a node that asks, and says what was answered."""

    def ask(state: State) -> State:
        return said(interrupt(question))

    return ask


def in_a_row(**nodes: Any) -> Any:
    """Return a compiled graph of these nodes, one after another."""
    builder = StateGraph(State)
    before = START
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    return builder.compile()


def at_once(**nodes: Any) -> Any:
    """Return a compiled graph of these nodes, in parallel."""
    builder = StateGraph(State)
    for name, node in nodes.items():
        builder.add_node(name, node)
        builder.add_edge(START, name)
    return builder.compile()


@asynccontextmanager
async def on_disk(graph: Any, folder: Path, **options: Any) -> AsyncIterator[DurableGraphRunner]:
    """Run a worker and a client on a file, where all is found again by the next one."""
    app = perdure.App("desk", backend=f"sqlite:///{folder / 'desk.db'}")
    runner = DurableGraphRunner(graph, app=app, name="desk", **options)
    async with app.run():
        yield runner


@asynccontextmanager
async def on_manual_clock(
    graph: Any, **options: Any
) -> AsyncIterator[tuple[DurableGraphRunner, Environment]]:
    """Run them where time passes only when a test says so."""
    app = perdure.App("desk")
    runner = DurableGraphRunner(graph, app=app, name="desk", **options)
    async with run_in_memory(app) as env:
        yield runner.using(env.client), env
