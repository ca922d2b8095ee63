"""What fails in a graph fails as in plain LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, cast

import pytest
from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.errors import NodeError  # noqa: TC002 - LangGraph looks it up
from langgraph.func import entrypoint, task
from langgraph.graph import END, START
from langgraph.types import Command, RetryPolicy, Send

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICKLY = {"initial_interval": 0.001, "jitter": False}


class One(TypedDict):
    """A state that takes one value in a step."""

    value: int


class OutOfStockError(Exception):
    """An error of the user's own."""


def failing(log: Log, error: Exception, *, times: int = 1_000) -> Callable[[Any], dict[str, Any]]:
    """Return a node that raises ``error``, and after that many times, over and over, a result."""
    tries: list[int] = []

    def fail(state: Any) -> dict[str, Any]:
        log.note("fail")
        tries.append(1)
        if len(tries) % (times + 1):
            raise error
        return {"trail": ["at last"], "count": 1}

    return fail


@pytest.mark.parametrize(
    "error", [ValueError("bad"), KeyError("k"), OutOfStockError("none left"), TimeoutError()]
)
async def test_an_error_of_a_node_ends_the_run(error: Exception, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ac", fail=failing(log, error))
        graph.add_edge(START, "a")
        graph.add_edge("a", "fail")
        graph.add_edge("fail", "c")
        return Shape(graph=graph.compile(), turns=[EMPTY], modes=("values", "updates"))

    played = await golden(build, tmp_path)
    assert played.turns[0]["raised"]["raised"] == type(error).__name__
    assert played.turns[0]["state"]["next"] == ["fail"]


async def test_a_body_catches_an_error_of_the_users_own_class(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def buy() -> None:
            raise OutOfStockError("none left")

        @entrypoint()
        async def shop(_: Any) -> str:
            try:
                await buy()
            except OutOfStockError as err:
                return f"{err}, sorry"
            return "bought"

        return Shape(graph=shop, turns=["go"], modes=("values",))

    played = await golden(build, tmp_path)
    assert played.last == "none left, sorry"


async def test_a_failed_run_goes_on_where_it_failed(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ac", fail=failing(log, ValueError("once"), times=1))
        graph.add_edge(START, "a")
        graph.add_edge("a", "fail")
        graph.add_edge("fail", "c")
        return Shape(graph=graph.compile(), turns=[EMPTY, None])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "at last", "c"]
    assert played.ran == {"a": 1, "c": 1, "fail": 2}


@pytest.mark.parametrize(
    "policy",
    [
        RetryPolicy(**cast("Any", QUICKLY), retry_on=ValueError),
        RetryPolicy(**cast("Any", QUICKLY), retry_on=lambda err: "yet" in str(err)),
        [
            RetryPolicy(**cast("Any", QUICKLY), retry_on=KeyError),
            RetryPolicy(**cast("Any", QUICKLY), retry_on=(TypeError, ValueError)),
        ],
    ],
    ids=["of a class", "by a function", "the second of two"],
)
async def test_a_node_is_tried_again_by_its_policy(policy: Any, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "")
        graph.add_node("fail", failing(log, ValueError("not yet"), times=2), retry_policy=policy)
        graph.add_edge(START, "fail")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.ran == {"fail": 3}


async def test_a_policy_gives_up_after_its_attempts(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "")
        policy = RetryPolicy(**cast("Any", QUICKLY), max_attempts=4, retry_on=ValueError)
        graph.add_node("fail", failing(log, ValueError("never")), retry_policy=policy)
        graph.add_edge(START, "fail")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.ran == {"fail": 4}


async def test_an_error_handler_of_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def recover(state: Any, error: NodeError) -> Command[Any]:
            log.note("recover")
            update = {"trail": [f"{error.node}: {error.error}"], "count": 1}
            return Command(update=update, goto="b")

        graph = trails(log, "b")
        graph.add_node("fail", failing(log, ValueError("bad")), error_handler=recover)
        graph.add_edge(START, "fail")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["fail: bad", "b"]


async def test_an_error_handler_runs_once_retries_are_used_up(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        async def recover(state: Any, error: NodeError) -> dict[str, Any]:
            log.note("recover")
            return {"trail": [f"gave up on {error.node}"]}

        graph = trails(log, "ab")
        policy = RetryPolicy(**cast("Any", QUICKLY), max_attempts=2, retry_on=ValueError)
        graph.add_node(
            "fail",
            failing(log, ValueError("bad")),
            retry_policy=policy,
            error_handler=recover,
        )
        graph.add_edge(START, "fail")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.ran == {"a": 1, "b": 1, "fail": 2, "recover": 1}


async def test_the_recursion_limit(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("b", "a")
        return Shape(graph=graph.compile(), turns=[EMPTY], config={"recursion_limit": 5})

    played = await golden(build, tmp_path)
    assert played.turns[0]["raised"]["raised"] == "GraphRecursionError"
    assert played.ran == {"a": 3, "b": 2}


async def test_two_nodes_write_where_one_value_goes(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        nodes = {"a": lambda state: {"value": 1}, "b": lambda state: {"value": 2}}
        graph = trails(log, "", One, **nodes)
        graph.add_edge(START, "a")
        graph.add_edge(START, "b")
        return Shape(graph=graph.compile(), turns=[{"value": 0}], has_memory=False)

    played = await golden(build, tmp_path)
    assert played.turns[0]["raised"]["raised"] == "InvalidUpdateError"


async def test_a_node_gives_no_mapping(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "", a=lambda state: 5)
        graph.add_edge(START, "a")
        return Shape(graph=graph.compile(), turns=[EMPTY])

    played = await golden(build, tmp_path)
    assert played.turns[0]["raised"]["raised"] == "InvalidUpdateError"


async def test_a_router_names_no_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "a")
        graph.add_edge(START, "a")
        graph.add_conditional_edges("a", lambda state: [Send("nowhere", {})], ["a", END])
        return Shape(graph=graph.compile(), turns=[EMPTY])

    await golden(build, tmp_path)
