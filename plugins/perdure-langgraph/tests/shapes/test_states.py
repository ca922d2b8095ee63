"""States of every kind, and how what nodes give is merged into them."""

from __future__ import annotations

import dataclasses
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.channels import EphemeralValue, UntrackedValue
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.managed import IsLastStep, RemainingSteps  # noqa: TC002 - LangGraph looks them up
from langgraph.types import Command, Overwrite, Send
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from pathlib import Path


def longest(old: list[str], new: list[str]) -> list[str]:
    return max(old, new, key=len)


async def test_reducers_merge_what_parallel_nodes_give(tmp_path: Path) -> None:
    class State(TypedDict):
        names: Annotated[list[str], operator.add]
        best: Annotated[list[str], longest]
        merged: Annotated[dict[str, int], operator.or_]

    def build(log: Log) -> Shape:
        graph = StateGraph(State)
        for number, name in enumerate("abc"):

            def node(state: State, name: str = name, number: int = number) -> dict[str, Any]:
                log.note(name)
                return {"names": [name], "best": [name] * number, "merged": {name: number}}

            graph.add_node(name, node)
            graph.add_edge(START, name)
        empty: Any = {"names": [], "best": [], "merged": {}}
        return Shape(graph=graph.compile(), turns=[empty])

    played = await golden(build, tmp_path)
    assert played.last == {
        "names": ["a", "b", "c"],
        "best": ["c", "c"],
        "merged": {"a": 0, "b": 1, "c": 2},
    }


async def test_messages_are_added_replaced_and_removed_by_id(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def speak(state: MessagesState) -> dict[str, Any]:
            log.note("speak")
            return {"messages": [AIMessage("unnamed"), AIMessage("draft", id="m")]}

        async def correct(state: MessagesState) -> dict[str, Any]:
            log.note("correct")
            first = state["messages"][0].id
            return {"messages": [AIMessage("final", id="m"), RemoveMessage(id=first or "")]}

        graph = StateGraph(MessagesState)
        graph.add_sequence([speak, correct])
        graph.add_edge(START, "speak")
        turns: list[Any] = [{"messages": [HumanMessage("hello")]}, {"messages": ("user", "more")}]
        return Shape(graph=graph.compile(), turns=turns)

    played = await golden(build, tmp_path)
    texts = [message["content"] for message in played.last["messages"]]
    assert texts == ["final", "more", "unnamed"]
    assert all(message["has_id"] for message in played.last["messages"])


async def test_all_messages_are_removed(tmp_path: Path) -> None:
    class State(TypedDict):
        messages: Annotated[list[AnyMessage], add_messages]

    def build(log: Log) -> Shape:
        def forget(state: State) -> dict[str, Any]:
            log.note("forget")
            return {"messages": [RemoveMessage(id=REMOVE_ALL_MESSAGES), AIMessage("anew")]}

        graph = StateGraph(State)
        graph.add_node("forget", forget)
        graph.add_edge(START, "forget")
        return Shape(graph=graph.compile(), turns=[{"messages": [HumanMessage("x")]}])

    played = await golden(build, tmp_path)
    assert [message["content"] for message in played.last["messages"]] == ["anew"]


async def test_a_reducer_is_overwritten(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def replace(state: Any) -> dict[str, Any]:
            log.note("replace")
            return {"trail": Overwrite(["only this"])}

        graph = trails(log, "a", replace=replace)
        graph.add_edge(START, "a")
        graph.add_edge("a", "replace")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["only this"]


class Item(BaseModel):
    name: str
    price: float = 1.5


class Order(BaseModel):
    """A state that is a pydantic model."""

    items: Annotated[list[Item], operator.add] = Field(default_factory=list)
    total: float = 0.0


async def test_a_pydantic_state(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def add(state: Order) -> dict[str, Any]:
            log.note(type(state).__name__)
            return {"items": [Item(name="b", price=2.0)]}

        def total(state: Order) -> dict[str, Any]:
            return {"total": sum(item.price for item in state.items)}

        graph = StateGraph(Order)
        graph.add_sequence([add, total])
        graph.add_edge(START, "add")
        return Shape(graph=graph.compile(), turns=[{"items": [{"name": "a"}]}])

    played = await golden(build, tmp_path)
    assert played.last["total"] == 3.5
    assert played.ran == {"Order": 1}


@dataclasses.dataclass
class Draft:
    """A state that is a dataclass."""

    text: str = ""
    notes: Annotated[list[str], operator.add] = dataclasses.field(default_factory=list)


async def test_a_dataclass_state(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def write(state: Draft) -> Draft:
            log.note(type(state).__name__)
            return Draft(text=f"{state.text}!", notes=["written"])

        graph = StateGraph(Draft)
        graph.add_node("write", write)
        graph.add_edge(START, "write")
        return Shape(graph=graph.compile(), turns=[{"text": "hello"}])

    played = await golden(build, tmp_path)
    assert played.last == {"text": "hello!", "notes": ["written"]}


class Question(TypedDict):
    """What comes in."""

    question: str


class Answer(TypedDict):
    """What goes out."""

    answer: str


class Whole(Question, Answer):
    """All of it."""

    steps: Annotated[list[str], operator.add]


class Private(TypedDict):
    """What two nodes say to each other."""

    hint: str


async def test_input_and_output_schemas_and_a_private_state(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def think(state: Question) -> Private:
            log.note("think")
            return {"hint": f"about {state['question']}"}

        def speak(state: Private) -> dict[str, Any]:
            log.note(f"speak of {sorted(state)}")
            return {"answer": state["hint"].upper(), "steps": ["spoken"]}

        graph: Any = StateGraph(Whole, input_schema=Question, output_schema=Answer)
        graph.add_sequence([think, speak])
        graph.add_edge(START, "think")
        return Shape(graph=graph.compile(), turns=[{"question": "cats", "answer": "not taken"}])

    played = await golden(build, tmp_path)
    assert played.ran == {"speak of ['hint']": 1, "think": 1}
    assert played.last["answer"] == "ABOUT CATS"


class Counting(TypedDict):
    """A state with managed values."""

    trail: Annotated[list[str], operator.add]
    remaining: RemainingSteps
    last: IsLastStep


async def test_managed_values_tell_how_many_steps_are_left(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def count(state: Counting) -> dict[str, Any]:
            log.note("count")
            return {"trail": [f"{state['remaining']} {state['last']}"]}

        graph = StateGraph(Counting)
        graph.add_node("count", count)
        graph.add_edge(START, "count")
        graph.add_conditional_edges(
            "count", lambda state: "__end__" if state["remaining"] <= 2 else "count"
        )
        config = {"recursion_limit": 5}
        return Shape(graph=graph.compile(), turns=[{"trail": []}], config=config)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["4 False", "3 False", "2 False"]


async def test_values_that_do_not_last(tmp_path: Path) -> None:
    class State(TypedDict):
        trail: Annotated[list[str], operator.add]
        fleeting: Annotated[str, EphemeralValue]
        untracked: Annotated[str, UntrackedValue]

    def build(log: Log) -> Shape:
        def first(state: State) -> dict[str, Any]:
            log.note("first")
            return {"fleeting": "f", "untracked": "u"}

        def second(state: State) -> dict[str, Any]:
            return {"trail": [f"{state.get('fleeting')} {state.get('untracked')}"]}

        def third(state: State) -> dict[str, Any]:
            return {"trail": [f"{state.get('fleeting')} {state.get('untracked')}"]}

        graph = StateGraph(State)
        graph.add_sequence([first, second, third])
        graph.add_edge(START, "first")
        return Shape(graph=graph.compile(), turns=[{"trail": []}])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["f u", "None u"]


async def test_tuples_sets_and_bytes_stay_what_they_are(tmp_path: Path) -> None:
    class State(TypedDict):
        value: Any
        seen: Annotated[list[str], operator.add]

    def build(log: Log) -> Shape:
        def give(state: State) -> dict[str, Any]:
            log.note("give")
            return {"value": {"pair": (1, (2, "x")), "set": {3}, "raw": b"\x00"}}

        def wrap(state: State) -> Command[Any]:
            return Command(update={"value": (state["value"], "wrapped")}, goto=Send("look", (1,)))

        def look(given: State) -> dict[str, Any]:
            return {"seen": [type(given).__name__]}

        def look_again(state: State) -> dict[str, Any]:
            value = state["value"][0]
            kinds = [state["value"], value["pair"], value["pair"][1], value["set"], value["raw"]]
            return {"seen": [type(kind).__name__ for kind in kinds]}

        graph = StateGraph(State)
        graph.add_sequence([give, wrap])
        graph.add_node("look", cast("Any", look))
        graph.add_node("look_again", look_again)
        graph.add_edge(START, "give")
        graph.add_edge("look", "look_again")
        return Shape(graph=graph.compile(), turns=[{"seen": []}], modes=("updates",))

    played = await golden(build, tmp_path)
    assert played.last["seen"] == ["tuple", "tuple", "tuple", "tuple", "set", "bytes"]
