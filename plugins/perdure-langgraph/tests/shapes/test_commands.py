"""Nodes that say by a ``Command`` where to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.graph import END, START
from langgraph.types import Command, Send

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_command_goes_to_a_node_and_updates(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def decide(state: Any) -> Command[Literal["b", "c"]]:
            log.note("decide")
            return Command(update={"trail": ["decide"], "count": 10}, goto="c")

        graph = trails(log, "bc", decide=decide)
        graph.add_edge(START, "decide")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last == {"trail": ["decide", "c"], "count": 11}


async def test_a_command_goes_to_several_nodes_beside_an_edge(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        async def decide(state: Any) -> Command[Any]:
            log.note("decide")
            return Command(goto=["b", Send("c", EMPTY), Send("c", EMPTY)])

        graph = trails(log, "bcd")
        graph.add_node("decide", decide, destinations=("b", "c"))
        graph.add_edge(START, "decide")
        graph.add_edge("decide", "d")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.ran == {"b": 1, "c": 2, "d": 1, "decide": 1}


async def test_a_list_of_commands_and_updates(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def decide(state: Any) -> Any:
            log.note("decide")
            return [Command(update={"trail": ["one"]}, goto="b"), {"trail": ["two"], "count": 3}]

        graph = trails(log, "b")
        graph.add_node("decide", decide, destinations=("b",))
        graph.add_edge(START, "decide")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last == {"trail": ["one", "two", "b"], "count": 4}


async def test_a_command_to_the_parent_graph(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def hand_over(state: Any) -> Command[Any]:
            log.note("hand over")
            update = {"trail": ["from below"], "count": 100}
            return Command(graph=Command.PARENT, goto="other", update=update)

        inner = trails(log, "a", hand_over=hand_over)
        inner.add_edge(START, "a")
        inner.add_edge("a", "hand_over")
        outer = trails(log, "z")
        outer.add_node("inner", inner.compile(), destinations=("other",))
        outer.add_node("other", lambda state: {"trail": ["other"]})
        outer.add_edge(START, "inner")
        return Shape(graph=outer.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last == {"trail": ["from below", "other"], "count": 100}


async def test_a_command_to_the_grandparent_by_name_of_the_graph(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def leave(state: Any) -> Command[Any]:
            log.note("leave")
            return Command(graph=Command.PARENT, goto="b", update={"count": 1})

        lowest = trails(log, "", leave=leave)
        lowest.add_edge(START, "leave")
        middle = trails(log, "b")
        middle.add_node("lowest", lowest.compile(), destinations=("b",))
        middle.add_edge(START, "lowest")
        top = trails(log, "z")
        top.add_node("middle", middle.compile())
        top.add_edge(START, "middle")
        top.add_edge("middle", "z")
        return Shape(graph=top.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["b", "z"]


async def test_a_command_as_input_goes_to_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_edge("b", END)
        again = Command(goto="b", update={"trail": ["told"]})
        return Shape(graph=graph.compile(), turns=[EMPTY, again])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "b": 1}
