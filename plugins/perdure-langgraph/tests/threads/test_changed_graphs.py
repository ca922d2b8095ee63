"""Graphs that change while threads sleep: no thread is lost."""

from __future__ import annotations

import asyncio
import operator
import threading
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import perdure
from perdure_langgraph import DurableGraphRunner
from perdure_langgraph.errors import NodeGoneError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


def node(name: str, *, asks: bool = False, holds: threading.Event | None = None) -> Any:
    async def work(state: State) -> State:
        if holds is not None:
            holds.set()
            await asyncio.get_running_loop().create_future()
        return {"log": [f"{name}: {interrupt(name)}" if asks else name]}

    return work


@asynccontextmanager
async def deployed(
    nodes: str,
    folder: Path,
    *,
    asks: str = "",
    name: str = "g",
    holds: tuple[str, threading.Event | None] = ("", None),
) -> AsyncIterator[DurableGraphRunner]:
    """Run the app with a graph of these nodes in a row."""
    builder = StateGraph(State)
    before = START
    for each in nodes:
        held = holds[1] if each == holds[0] else None
        builder.add_node(each, node(each, asks=each == asks, holds=held))
        builder.add_edge(before, each)
        before = each
    app = perdure.App("changes", backend=f"sqlite:///{folder / 'changes.db'}")
    runner = DurableGraphRunner(builder.compile(), app=app, name=name)
    async with app.run(drain_timeout=timedelta(seconds=0.1)):
        yield runner


@pytest.mark.parametrize("later", ["ac", "abcd", "xyz", "cba"])
async def test_a_thread_that_slept_goes_on_with_the_graph_as_it_is_now(
    later: str, tmp_path: Path
) -> None:
    async with deployed("abc", tmp_path) as runner:
        await runner.ainvoke({"log": ["first"]}, thread_id="t", request_id="r")
    async with deployed(later, tmp_path) as runner:
        found = await runner.ainvoke({"log": ["second"]}, thread_id="t")
        assert found["log"] == ["first", *"abc", "second", *later]
        # What was answered is not computed anew.
        old = await runner.ainvoke({"log": ["first"]}, thread_id="t", request_id="r")
        assert old["log"] == ["first", *"abc"]


async def test_a_question_of_a_node_that_is_gone_is_kept_until_the_node_is_back(
    tmp_path: Path,
) -> None:
    async with deployed("abc", tmp_path, asks="b") as runner:
        await runner.ainvoke({"log": []}, thread_id="t")
    async with deployed("ac", tmp_path) as runner:
        with pytest.raises(NodeGoneError, match=r"waits for 'b'.*it has: a, c"):
            await runner.ainvoke(Command(resume="yes"), thread_id="t")
    async with deployed("abc", tmp_path, asks="b") as runner:
        found = await runner.ainvoke(Command(resume="yes"), thread_id="t")
        assert found["log"] == ["a", "b: yes", "c"]


async def test_a_thread_whose_node_is_gone_can_go_on_elsewhere(tmp_path: Path) -> None:
    async with deployed("abc", tmp_path, asks="b") as runner:
        await runner.ainvoke({"log": []}, thread_id="t")
    async with deployed("ac", tmp_path) as runner:
        await runner.aupdate_state(None, {"log": ["moved"]}, as_node="a", thread_id="t")
        assert (await runner.ainvoke(None, thread_id="t"))["log"] == ["a", "moved", "c"]


async def test_a_graph_that_is_not_registered_any_more_is_named(tmp_path: Path) -> None:
    async with deployed("a", tmp_path) as runner:
        await runner.ainvoke({"log": []}, thread_id="t")
    app = perdure.App("changes", backend=f"sqlite:///{tmp_path / 'changes.db'}")
    async with deployed("a", tmp_path, name="other"):
        builder = StateGraph(State)
        builder.add_node("a", node("a"))
        builder.add_edge(START, "a")
        client_only = DurableGraphRunner(builder.compile(), app=app, name="g")
        async with app.client():
            with pytest.raises(perdure.WorkflowFailedError, match="no graph 'g'; it has: other"):
                await client_only.ainvoke({"log": []}, thread_id="t")


@pytest.mark.parametrize("later", ["xb", "x", "ba", "axyb"])
async def test_a_run_under_way_waits_for_the_graph_that_it_began_with(
    later: str, tmp_path: Path
) -> None:
    ask: dict[str, Any] = {"input": {"log": []}, "thread_id": "t", "request_id": "r"}
    is_there = threading.Event()
    async with deployed("ab", tmp_path, holds=("b", is_there)) as runner:
        asking = asyncio.create_task(runner.ainvoke(**ask))
        await asyncio.to_thread(is_there.wait, 10)
        asking.cancel()
    async with deployed(later, tmp_path) as runner:
        with pytest.raises(perdure.WorkflowStalledError, match=r"recorded node 'g/.*asks for node"):
            await runner.ainvoke(**ask)
    async with deployed("ab", tmp_path) as runner:
        assert (await runner.ainvoke(**ask))["log"] == ["a", "b"]
