"""The kit by which shapes are compared finds what it is there to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import check_in_orders, golden, play_plainly
from langgraph.graph import START

from perdure.errors import NonDeterminismError
from perdure.framework import in_workflow, is_replaying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def routed(route: Callable[[Any], str]) -> Callable[[Log], Shape]:
    """Return a shape that goes where ``route`` says."""

    def build(log: Log) -> Shape:
        graph = trails(log, "abc")
        graph.add_edge(START, "a")
        graph.add_conditional_edges("a", route, ["b", "c"])
        return Shape(graph=graph.compile(), turns=[EMPTY])

    return build


async def test_another_way_in_a_workflow_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the workflow differs"):
        await golden(routed(lambda state: "b" if in_workflow() else "c"), tmp_path)


async def test_another_way_on_a_replay_is_found(tmp_path: Path) -> None:
    build = routed(lambda state: "b" if is_replaying() else "c")
    plain = await play_plainly(build)
    with pytest.raises(NonDeterminismError, match=r"graph\.node"):
        await check_in_orders(build, plain, tmp_path, activities=2)


async def test_an_execution_more_than_plainly_is_found(tmp_path: Path) -> None:
    builds: list[Log] = []

    def build(log: Log) -> Shape:
        builds.append(log)
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_conditional_edges("a", lambda state: log.note("a") if len(builds) > 1 else None)
        return Shape(graph=graph.compile(), turns=[EMPTY])

    with pytest.raises(AssertionError, match="the number of executions in a workflow differs"):
        await golden(build, tmp_path)
