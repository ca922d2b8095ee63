"""Claim processing, in plain LangGraph: nothing here knows of perdure.

The documents of a claim are read at once, a sub-graph assesses them, a human reviews what is more
than a small sum, and it is paid. ::

    python -m examples.claim_processing.graph
"""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt

from examples.claim_processing import documents, payments
from examples.shared.journal import recorded

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

CLAIM = "17"


class Claim(TypedDict, total=False):
    """A claim on its way."""

    claim: str
    names: list[str]
    said: Annotated[list[documents.Fields], operator.add]
    covered: list[str]
    euros: int
    outcome: str


class Document(TypedDict):
    """A document to read."""

    name: str


def receive(state: Claim) -> Claim:
    """Find the documents."""
    with recorded("receive", claim=state["claim"]):
        return {"names": documents.names_of(state["claim"])}


def each_document(state: Claim) -> list[Send]:
    """Have each document read, and the policy, at once."""
    return [Send("read", {"name": name}) for name in (*state["names"], documents.POLICY)]


def read(state: Document) -> Claim:
    """Read a document."""
    with recorded("read", name=state["name"]):
        return {"said": [documents.read(state["name"])]}


def cover(state: Claim) -> Claim:
    """Find what was stolen, reported and insured."""
    with recorded("cover"):
        stolen, reported, insured = (
            {value for each in state["said"] for value in each.get(word, ())}
            for word in ("Stolen", "Reported", "Insured")
        )
        return {"covered": sorted(stolen & reported & insured)}


def value(state: Claim) -> Claim:
    """Add up the invoices, less the excess."""
    with recorded("value"):
        invoices = [it for it in state["said"] if it["Kind"] == ["invoice"]]
        total = sum(int(it["Euros"][0]) for it in invoices if it["Item"][0] in state["covered"])
        return {"euros": max(total - _of_policy(state, "Excess"), 0)}


def next_step(state: Claim) -> str:
    """Small sums are paid as they are."""
    return "review" if state["euros"] > _of_policy(state, "Paid without review") else "pay"


def review(state: Claim) -> Command[Any]:
    """Ask a human: no, yes, or yes with another sum."""
    with recorded("review", claim=state["claim"]):
        answer = interrupt(
            {
                "message": f"Pay claim {state['claim']} ({', '.join(state['covered'])})?",
                "arguments": {"euros": state["euros"]},
            }
        )
    if answer is False:
        return Command(update={"outcome": f"Claim {state['claim']} is refused."})
    euros = state["euros"] if answer is True else answer["euros"]
    return Command(goto="pay", update={"euros": euros})


def pay(state: Claim) -> Claim:
    """Pay."""
    with recorded("pay", claim=state["claim"]):
        paid = payments.pay(state["claim"], euros=state["euros"])
        return {"outcome": f"Claim {state['claim']}: {paid} euros are paid."}


def _of_policy(state: Claim, word: str) -> int:
    return next(int(it[word][0]) for it in state["said"] if it["Kind"] == ["policy"])


def claims() -> StateGraph[Claim, None, Claim, Claim]:
    """Return the graph, to be compiled."""
    assessing = StateGraph(Claim)
    assessing.add_sequence([cover, value])
    assessing.add_edge(START, "cover")
    graph = StateGraph(Claim)
    graph.add_node(receive)
    graph.add_node(read)
    graph.add_node("assess", assessing.compile())
    graph.add_node(review, destinations=("pay",))
    graph.add_node(pay)
    graph.add_edge(START, "receive")
    graph.add_conditional_edges("receive", each_document, ["read"])
    graph.add_edge("read", "assess")
    graph.add_conditional_edges("assess", next_step, ["review", "pay"])
    return graph


async def main() -> None:
    """Process the claim, with the review on the terminal."""
    plain = claims().compile(checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": CLAIM}}
    found = await plain.ainvoke({"claim": CLAIM}, config)
    for asked in found.get("__interrupt__", ()):
        found = await plain.ainvoke(Command(resume=_is_yes(asked.value)), config)
    print(found["outcome"])


def _is_yes(question: dict[str, Any]) -> bool:
    return input(f"{question['message']} {question['arguments']} [y/n] ") == "y"


if __name__ == "__main__":
    asyncio.run(main())
