"""Claims that get killed: ``graph_kills.claims:app`` is what worker processes run.

A run plans, reads three documents at once, checks them in a sub-graph, asks people, and pays. Each
node notes that it begins and ends, in a file of its own that is on the disk before it goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import operator
import time
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send, interrupt

import perdure
from perdure_langgraph import DurableGraphRunner
from tests.campaign.desk import note

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "claims"
REQUESTS_PER_RUN = 3
NODES_PER_RUN = 8
_DOCUMENTS = 3
SECONDS = 0.2
"""How long a node takes, so that there is something to be killed in the middle of."""


class Claim(TypedDict, total=False):
    """A claim; ``done`` is which nodes have had their say, in all runs of the thread."""

    call: str
    number: int
    done: Annotated[list[str], operator.add]
    answer: str


class _Checked(TypedDict, total=False):
    """What the sub-graph sees; it replaces, so that nothing is added twice."""

    call: str
    done: list[str]


def expected(call: str) -> str:
    """Return the right answer to a claim."""
    return f"paid {call} after {NODES_PER_RUN - 1}"


def _plan(state: Claim) -> Claim:
    with _noted("plan", state) as label:
        time.sleep(SECONDS)
    return {"done": [label]}


def _documents(state: Claim) -> list[Send]:
    return [Send("read", {**state, "number": number}) for number in range(_DOCUMENTS)]


async def _read(state: Claim) -> Claim:
    with _noted(f"read-{state['number']}", state) as label:
        await asyncio.sleep(SECONDS)
    return {"done": [label]}


async def _weigh(state: _Checked) -> _Checked:
    with _noted("weigh", state) as label:
        await asyncio.sleep(SECONDS)
    return {"done": [*state["done"], label]}


def _score(state: _Checked) -> _Checked:
    with _noted("score", state) as label:
        time.sleep(SECONDS)
    return {"done": [*state["done"], label]}


def _ask(state: Claim) -> Claim:
    with _noted("ask", state) as label:
        assert interrupt({"message": "pay?", "arguments": {"call": state["call"]}}) is True
    return {"done": [label]}


async def _pay(state: Claim) -> Claim:
    with _noted("pay", state) as label:
        await asyncio.sleep(SECONDS)
    mine = [it for it in state["done"] if it.startswith(f"{state['call']}/")]
    return {"done": [label], "answer": f"paid {state['call']} after {len(set(mine))}"}


def claims_graph() -> Any:
    """Return the graph."""
    inner = StateGraph(_Checked)
    inner.add_node("weigh", _weigh)
    inner.add_node("score", _score)
    inner.add_edge(START, "weigh")
    inner.add_edge("weigh", "score")
    checks = inner.compile()
    outer = StateGraph(Claim)
    outer.add_node("plan", _plan)
    outer.add_node("read", _read)
    outer.add_node("check", checks)
    outer.add_node("ask", _ask)
    outer.add_node("pay", _pay)
    outer.add_edge(START, "plan")
    outer.add_conditional_edges("plan", _documents, ["read"])
    outer.add_edge("read", "check")
    outer.add_edge("check", "ask")
    outer.add_edge("ask", "pay")
    return outer.compile()


def make_desk(*, backend: str | None = None) -> tuple[perdure.App, DurableGraphRunner]:
    """Return the app, and the runner of its graph."""
    app = perdure.App("claims", backend=backend)
    options: dict[str, Any] = {"requests_per_run": REQUESTS_PER_RUN, "approvals": True}
    return app, DurableGraphRunner(claims_graph(), app=app, name=NAME, **options)


@contextlib.contextmanager
def _noted(node: str, state: Claim | _Checked) -> Iterator[str]:
    label = f"{state['call']}/{node}"
    seen = tuple(dict.fromkeys(state.get("done", ())))
    note("begin", label, seen=seen)
    try:
        yield label
    except BaseException:
        note("fail", label)
        raise
    note("end", label)


app, _runner = make_desk()
