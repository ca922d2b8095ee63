"""Edges of every kind lead where they lead in plain LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.graph import END, START
from langgraph.types import RetryPolicy, Send

import perdure
from perdure_langgraph import DurableGraphRunner, durable_graph

if TYPE_CHECKING:
    from pathlib import Path


def shape_of(graph: Any, *turns: Any, **options: Any) -> Shape:
    return Shape(graph=graph.compile(), turns=turns or (EMPTY,), **options)


async def test_nodes_one_after_another(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("b", END)
        return shape_of(graph, EMPTY, EMPTY)

    played = await golden(build, tmp_path)
    assert played.last == {"trail": ["a", "b", "a", "b"], "count": 4}


async def test_several_edges_from_start(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abc")
        graph.add_edge(START, "a")
        graph.add_edge(START, "b")
        graph.add_edge("a", "c")
        graph.add_edge("b", "c")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "b", "c"]


async def test_a_conditional_start(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_conditional_edges(START, lambda state: "b" if state["count"] else "a")
        return shape_of(graph, EMPTY, {"trail": [], "count": 5})

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "b"]


async def test_a_join_of_a_list(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abcde")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("a", "c")
        graph.add_edge("c", "d")
        graph.add_edge(["b", "d"], "e")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.ran == dict.fromkeys("abcde", 1)


async def test_without_a_join_a_node_runs_for_each_step(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abcde")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("a", "c")
        graph.add_edge("c", "d")
        graph.add_edge("b", "e")
        graph.add_edge("d", "e")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.ran["e"] == 2


async def test_conditional_edges_to_several_nodes_by_a_path_map(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abcd")
        graph.add_edge(START, "a")
        both = {"left": "b", "right": "c"}
        graph.add_conditional_edges("a", lambda state: ["left", "right"], both)
        graph.add_edge(["b", "c"], "d")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "b", "c", "d"]


async def test_an_asynchronous_router(tmp_path: Path) -> None:
    async def route(state: Any) -> str:
        return "b" if state["count"] else END

    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_conditional_edges("a", route, ["b", END])
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "b"]


async def test_a_fan_out_by_send(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def work(item: dict[str, Any]) -> dict[str, Any]:
            log.note(f"work {item['number']}")
            return {"trail": [f"w{item['number']}"], "count": item["number"]}

        graph = trails(log, "ac", w=work)
        graph.add_edge(START, "a")
        sends = [Send("w", {"number": number}) for number in range(4)]
        graph.add_conditional_edges("a", lambda state: sends, ["w"])
        graph.add_edge("w", "c")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last == {"trail": ["a", "w0", "w1", "w2", "w3", "c"], "count": 8}


async def test_a_fan_out_of_mixed_targets(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abc")
        targets = [Send("b", EMPTY), "c", Send("b", EMPTY)]
        graph.add_edge(START, "a")
        graph.add_conditional_edges("a", lambda state: targets, ["b", "c"])
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "b": 2, "c": 1}


async def test_a_cycle(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_conditional_edges("b", lambda state: "a" if state["count"] < 6 else END)
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 3, "b": 3}


async def test_a_deferred_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abcd")

        def last(state: Any) -> dict[str, Any]:
            log.note("last")
            return {"trail": ["last"], "count": len(state["trail"])}

        graph.add_node("last", last, defer=True)
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("a", "c")
        graph.add_edge("c", "d")
        graph.add_edge("b", "last")
        graph.add_edge("d", "last")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "b", "c", "d", "last"]
    assert played.ran["last"] == 1


async def test_a_sequence_of_nodes(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "c")

        def first(state: Any) -> dict[str, Any]:
            log.note("first")
            return {"trail": ["first"]}

        def second(state: Any) -> None:
            log.note("second")

        graph.add_sequence([first, second])
        graph.add_edge(START, "first")
        graph.add_edge("second", "c")
        return shape_of(graph)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["first", "c"]


async def test_two_graphs_of_an_app_have_nodes_of_the_same_name(tmp_path: Path) -> None:
    def saying(text: str) -> Any:
        graph = trails(Log(), "", a=lambda state: {"trail": [text]})
        graph.add_edge(START, "a")
        return graph.compile()

    app = perdure.App("shapes", backend=f"sqlite:///{tmp_path}/two.db")
    runners = [DurableGraphRunner(saying(name), app=app, name=name) for name in ("one", "two")]
    async with app.run():
        results = [await runner.ainvoke(EMPTY, thread_id="t") for runner in runners]
    assert [result["trail"] for result in results] == [["one"], ["two"]]


async def test_the_users_graph_stays_as_it_is_and_the_durable_one_runs_plainly_too() -> None:
    log = Log()
    tries = iter([ValueError("not yet"), None])

    def shaky(state: Any) -> dict[str, Any]:
        log.note("shaky")
        if (error := next(tries)) is not None:
            raise error
        return {"trail": ["done"]}

    graph = trails(log, "")
    policy = RetryPolicy(initial_interval=0.001, jitter=False, retry_on=ValueError)
    graph.add_node("shaky", shaky, retry_policy=policy)
    graph.add_edge(START, "shaky")
    compiled = graph.compile()
    before = dict(vars(compiled)), dict(compiled.nodes)
    durable = durable_graph(compiled, app=perdure.App("shapes"), name="it")
    assert (dict(vars(compiled)), dict(compiled.nodes)) == before
    assert (await durable.ainvoke(EMPTY))["trail"] == ["done"]
    assert log.counted() == {"shaky": 2}
