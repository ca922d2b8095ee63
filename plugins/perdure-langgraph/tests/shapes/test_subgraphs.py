"""Graphs within graphs, as nodes and called by nodes."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from graph_kit.nodes import EMPTY, Trail, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy, Send, interrupt

import perdure
from perdure_langgraph import DurableGraphRunner

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig


class Inner(TypedDict):
    """A state that shares one key with the outer one, and has one of its own."""

    trail: Annotated[list[str], operator.add]
    own: str


class Other(TypedDict):
    """A state that shares nothing with the outer one."""

    text: str


def line(log: Log, names: str, **nodes: Any) -> Any:
    """Return a graph of nodes one after another: those of letters, then those given."""
    graph = trails(log, names, **nodes)
    before = START
    for name in (*names, *nodes):
        graph.add_edge(before, name)
        before = name
    return graph


def asker(log: Log, name: str) -> Any:
    def ask(state: Any) -> dict[str, Any]:
        log.note(name)
        return {"trail": [f"{name}: {interrupt({'asks': name})}"]}

    return ask


async def test_a_subgraph_with_the_same_state(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = line(log, "a", inner=line(log, "xy").compile(), b=lambda state: {"trail": ["b"]})
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("values", "updates", "debug"))

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "x": 1, "y": 1}
    assert "inner values" in played.turns[0]["chunks"]


async def test_a_subgraph_with_a_state_of_its_own(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def first(state: Inner) -> dict[str, Any]:
            log.note("first")
            return {"own": "mine", "trail": ["first"]}

        def second(state: Inner) -> dict[str, Any]:
            return {"trail": [state["own"]]}

        inner = StateGraph(Inner)
        inner.add_sequence([first, second])
        inner.add_edge(START, "first")
        return Shape(graph=line(log, "a", inner=inner.compile()).compile(), turns=[EMPTY, EMPTY])

    played = await golden(build, tmp_path)
    assert played.last["trail"][-2:] == ["first", "mine"]


async def test_subgraphs_in_subgraphs_in_parallel(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "z")
        for name in ("left", "right"):
            inner = line(log, "x", deep=line(log, "y").compile())
            graph.add_node(name, inner.compile())
            graph.add_edge(START, name)
        graph.add_edge(["left", "right"], "z")
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("values", "updates", "custom"))

    played = await golden(build, tmp_path)
    assert played.ran == {"x": 2, "y": 2, "z": 1}


async def test_a_subgraph_as_the_target_of_sends(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "a", inner=line(log, "x").compile())
        graph.add_edge(START, "a")
        sends = [Send("inner", {"trail": [str(number)], "count": 0}) for number in range(3)]
        graph.add_conditional_edges("a", lambda state: sends, ["inner"])
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("values", "updates"))

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "x": 3}


async def test_an_interrupt_in_a_subgraph(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        inner = line(log, "x", ask=asker(log, "ask"), y=lambda state: {"trail": ["y"]})
        graph = line(log, "a", inner=inner.compile(), b=lambda state: {"trail": ["b"]})
        return Shape(graph=graph.compile(), turns=[EMPTY, Command(resume="yes")])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "x": 1, "ask": 2}
    assert played.turns[0]["state"]["tasks"][0]["state"]["next"] == ["ask"]
    assert played.last["trail"][-3:] == ["ask: yes", "y", "b"]


async def test_interrupts_in_parallel_subgraphs(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "z")
        for name in ("left", "right"):
            inner = line(log, "", **{f"ask_{name}": asker(log, name)})
            graph.add_node(name, inner.compile())
            graph.add_edge(START, name)
        graph.add_edge(["left", "right"], "z")

        def one(state: Any) -> Command[Any]:
            return Command(
                resume={it.id: "r" for it in state.interrupts if it.value["asks"] == "right"}
            )

        def rest(state: Any) -> Command[Any]:
            return Command(resume={it.id: "l" for it in state.interrupts})

        return Shape(graph=graph.compile(), turns=[EMPTY, one, rest])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["left: l", "right: r", "z"]


async def test_breakpoints_in_a_subgraph(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        inner = line(log, "xy").compile(interrupt_before=["y"])
        graph = line(log, "a", inner=inner)
        return Shape(graph=graph.compile(), turns=[EMPTY, None])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "x": 1, "y": 1}


async def test_a_subgraph_that_keeps_its_own_state_between_runs(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def count(state: Inner) -> dict[str, Any]:
            log.note("count")
            return {"own": state.get("own", "") + "+", "trail": [state.get("own", "first")]}

        inner = StateGraph(Inner)
        inner.add_node("count", count)
        inner.add_edge(START, "count")
        graph = line(log, "", inner=inner.compile(checkpointer=True))
        return Shape(graph=graph.compile(), turns=[EMPTY, EMPTY, EMPTY])

    played = await golden(build, tmp_path)
    assert played.last["trail"][-1] == "++"


async def test_a_graph_called_in_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def shout(state: Other) -> Other:
            log.note("shout")
            return {"text": state["text"].upper()}

        inner = StateGraph(Other)
        inner.add_node("shout", shout)
        inner.add_edge(START, "shout")
        called = inner.compile()

        async def call(state: Trail) -> dict[str, Any]:
            result = await called.ainvoke({"text": "hello"})
            return {"trail": [result["text"]], "count": 1}

        def call_plainly(state: Trail, config: RunnableConfig) -> dict[str, Any]:
            return {"trail": [called.invoke({"text": "plainly"}, config)["text"]]}

        graph = line(log, "a", call=call, call_plainly=call_plainly)
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("values", "updates", "custom"))

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "HELLO", "PLAINLY"]
    assert "call updates" in played.turns[0]["chunks"]


async def test_an_interrupt_in_a_graph_called_in_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        called = line(log, "x", ask=asker(log, "ask")).compile()

        async def call(state: Trail) -> dict[str, Any]:
            log.note("call")
            result = await called.ainvoke({"trail": [], "count": 0})
            return {"trail": result["trail"]}

        graph = line(log, "a", call=call)
        return Shape(graph=graph.compile(), turns=[EMPTY, Command(resume="yes")])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "ask": 2, "call": 2, "x": 1}
    assert played.last["trail"] == ["a", "x", "ask: yes"]


async def test_several_interrupts_in_a_graph_called_in_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        called = line(log, "x", one=asker(log, "one"), two=asker(log, "two")).compile()

        def call(state: Trail) -> dict[str, Any]:
            log.note("call")
            before = interrupt({"asks": "before"})
            return {"trail": [before, *called.invoke({"trail": [], "count": 0})["trail"]]}

        graph = line(log, "a", call=call)
        answers: list[Command[Any]] = [Command(resume=answer) for answer in ("b", "1", "2")]
        return Shape(graph=graph.compile(), turns=[EMPTY, *answers])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "call": 4, "one": 2, "two": 2, "x": 1}
    assert played.last["trail"] == ["a", "b", "x", "one: 1", "two: 2"]


async def test_a_node_calls_a_graph_twice_and_each_asks(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        called = line(log, "x", ask=asker(log, "ask")).compile()

        async def call(state: Trail) -> dict[str, Any]:
            first = await called.ainvoke({"trail": ["first"], "count": 0})
            second = await called.ainvoke({"trail": ["second"], "count": 0})
            return {"trail": [*first["trail"], *second["trail"]]}

        graph = line(log, "", call=call)
        answers: list[Command[Any]] = [Command(resume="one"), Command(resume="two")]
        return Shape(graph=graph.compile(), turns=[EMPTY, *answers], modes=("values", "updates"))

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["first", "x", "ask: one", "second", "x", "ask: two"]
    assert played.ran["x"] == 2


async def test_a_called_graph_that_keeps_its_own_state(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        called = line(log, "x").compile(checkpointer=True)

        def call(state: Trail) -> dict[str, Any]:
            return {"count": len(called.invoke({"trail": ["asked"], "count": 0})["trail"])}

        graph = line(log, "", call=call)
        return Shape(graph=graph.compile(), turns=[EMPTY, EMPTY, EMPTY], modes=("values",))

    played = await golden(build, tmp_path)
    assert played.last["count"] == 2 + 4 + 6


async def test_a_called_graph_goes_on_where_it_was_when_its_node_is_tried_again(
    tmp_path: Path,
) -> None:
    log = Log()

    def shaky(state: Any) -> dict[str, Any]:
        log.note("shaky")
        if log.counted()["shaky"] == 1:
            raise ValueError("not yet")
        return {"trail": ["done"]}

    called = line(log, "x", shaky=shaky).compile()

    async def call(state: Trail) -> dict[str, Any]:
        return {"trail": (await called.ainvoke(state))["trail"]}

    graph = trails(log, "")
    policy = RetryPolicy(initial_interval=0.001, jitter=False, retry_on=ValueError)
    graph.add_node("call", call, retry_policy=policy)
    graph.add_edge(START, "call")
    app = perdure.App("shapes", backend=f"sqlite:///{tmp_path}/shapes.db")
    runner = DurableGraphRunner(graph.compile(), app=app, name="shape")
    async with app.run():
        result = await runner.ainvoke(EMPTY)
    assert result["trail"] == ["x", "done"]
    # Plain LangGraph begins the called graph anew, and runs x twice.
    assert log.counted() == {"shaky": 2, "x": 1}


async def test_parallel_nodes_call_a_graph_that_asks(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        called = line(log, "x", ask=asker(log, "ask")).compile()

        async def call(state: Trail) -> dict[str, Any]:
            return {"trail": (await called.ainvoke({"trail": [], "count": 0}))["trail"]}

        graph = trails(log, "z", left=call, right=call)
        graph.add_edge(START, "left")
        graph.add_edge(START, "right")
        graph.add_edge(["left", "right"], "z")

        def both(state: Any) -> Command[Any]:
            return Command(resume={it.id: "yes" for it in state.interrupts})

        return Shape(graph=graph.compile(), turns=[EMPTY, both], modes=("values",))

    played = await golden(build, tmp_path)
    assert played.ran == {"ask": 4, "x": 2, "z": 1}
