"""Nodes that give what cannot be, or go on for ever: the errors are as without durability."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langgraph.errors import GraphRecursionError, InvalidUpdateError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send
from services.running import run_once

from perdure_langgraph.errors import NodeError, UnserializableStateError

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.pregel import Pregel


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]
    total: int


class OutOfPaperError(Exception):
    """An error of the user's own, whose constructor wants more than a message."""

    def __init__(self, *, tray: int, sizes: Any = ()) -> None:
        super().__init__(f"no paper in tray {tray}")
        self.tray = tray
        self.sizes = sizes


def one_node(function: Any) -> Pregel[Any, Any, Any, Any]:
    builder = StateGraph(State)
    builder.add_node("work", function)
    builder.add_edge(START, "work")
    return builder.compile()


async def failure_of(graph: Any, value: Any = None, **options: Any) -> list[str]:
    try:
        await graph.ainvoke({"log": []} if value is None else value, **options)
    except Exception as err:  # noqa: BLE001 - whatever it is, it is compared
        return [type(err).__name__, str(err)]
    return []


@pytest.mark.parametrize(
    "gives",
    ["text", 3, [1], Command(goto="nowhere"), [Send("nowhere", 1)], {"total": 1, "nope": 2}],
    ids=str,
)
async def test_what_is_no_update_is_refused_or_passed_over_as_without_durability(
    gives: Any, tmp_path: Path
) -> None:
    graph = one_node(lambda state: gives)
    plain = await failure_of(graph)
    assert await run_once(graph, failure_of, tmp_path) == plain


async def test_two_values_for_one_channel_in_a_step_are_refused(tmp_path: Path) -> None:
    builder = StateGraph(State)
    for name in ("left", "right"):
        builder.add_node(name, lambda state: {"total": 1})
        builder.add_edge(START, name)
    graph = builder.compile()
    plain = await failure_of(graph)
    assert plain[0] == InvalidUpdateError.__name__
    assert await run_once(graph, failure_of, tmp_path) == plain


async def test_a_value_that_cannot_be_stored_is_named_with_its_channel_and_node(
    tmp_path: Path,
) -> None:
    graph = one_node(lambda state: {"log": [1], "total": object()})

    async def body(durable: Any) -> Any:
        expected = r"'total' in what node 'g/work' gives \(object\)"
        with pytest.raises(UnserializableStateError, match=expected):
            await durable.ainvoke({"log": []})

    await run_once(graph, body, tmp_path)


async def test_a_state_that_cannot_be_stored_is_named_before_a_node_runs(tmp_path: Path) -> None:
    runs: list[int] = []
    graph = one_node(lambda state: runs.append(1))

    async def body(durable: Any) -> Any:
        expected = r"'log' in what node 'g/work' is given \(list\)"
        with pytest.raises(UnserializableStateError, match=expected):
            await durable.ainvoke({"log": [object()]})

    await run_once(graph, body, tmp_path)
    assert not runs


async def test_an_error_of_a_class_of_the_users_comes_as_what_it_is(tmp_path: Path) -> None:
    def work(state: State) -> State:
        raise OutOfPaperError(tray=2, sizes=("A4", "A5"))

    async def body(durable: Any) -> Any:
        with pytest.raises(OutOfPaperError) as caught:
            await durable.ainvoke({"log": []})
        return [str(caught.value), caught.value.tray, isinstance(caught.value.sizes, tuple)]

    assert await run_once(one_node(work), body, tmp_path) == ["no paper in tray 2", 2, True]


@pytest.mark.parametrize("is_local", [True, False])
async def test_an_error_that_cannot_be_made_again_comes_with_its_name_and_message(
    is_local: bool, tmp_path: Path
) -> None:
    class LocalError(OutOfPaperError):
        pass

    def work(state: State) -> State:
        error = LocalError(tray=2) if is_local else OutOfPaperError(tray=2, sizes=object())
        raise error

    async def body(durable: Any) -> Any:
        with pytest.raises(NodeError, match="tray 2") as caught:
            await durable.ainvoke({"log": []})
        assert caught.value.matches(OutOfPaperError)
        assert not caught.value.matches(ValueError)
        return [caught.value.node, caught.value.type.rpartition(".")[2]]

    name = "LocalError" if is_local else "OutOfPaperError"
    assert await run_once(one_node(work), body, tmp_path) == ["g/work", name]


async def test_a_graph_that_goes_round_and_round_ends_at_the_recursion_limit(
    tmp_path: Path,
) -> None:
    runs: list[int] = []

    def work(state: State) -> Command[Any]:
        runs.append(1)
        return Command(goto="work")

    graph = one_node(work)

    async def body(durable: Any) -> Any:
        with pytest.raises(GraphRecursionError, match="Recursion limit of 5"):
            await durable.ainvoke({"log": []}, {"recursion_limit": 5})

    await run_once(graph, body, tmp_path)
    assert len(runs) == 5


async def test_a_client_of_another_event_loop_is_the_nodes_mistake_and_not_the_workflows(
    tmp_path: Path,
) -> None:
    def work(state: State) -> State:
        raise RuntimeError("<Event> is bound to a different event loop")

    async def body(durable: Any) -> Any:
        with pytest.raises(NodeError, match="bound to a different event loop"):
            await durable.ainvoke({"log": []})

    await run_once(one_node(work), body, tmp_path)
