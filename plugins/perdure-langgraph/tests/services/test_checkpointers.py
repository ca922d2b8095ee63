"""The checkpointer of the user's, in workflows: where the state is, and by whom it is read."""

from __future__ import annotations

import operator
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from services.running import bench, run_once

import perdure
from perdure_langgraph import DurableGraphRunner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


def builder() -> StateGraph[Any, Any, Any, Any]:
    def greet(state: State) -> State:
        return {"log": [f"greeted after {len(state['log'])}"]}

    def approve(state: State) -> State:
        return {"log": [f"approved: {interrupt('may I?')}"]}

    made = StateGraph(State)
    made.add_node("greet", greet)
    made.add_node("approve", approve)
    made.add_edge(START, "greet")
    made.add_edge("greet", "approve")
    return made


@asynccontextmanager
async def sqlite_saver(kind: str, folder: Path) -> AsyncIterator[Any]:
    path = str(folder / "checkpoints.db")
    if kind == "async":
        async with AsyncSqliteSaver.from_conn_string(path) as saver:
            yield saver
        return
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        yield SqliteSaver(connection)
    finally:
        connection.close()


async def _two_runs(graph: Any) -> Any:
    asked = await graph.ainvoke({"log": ["hi"]}, THREAD)
    state = await graph.aget_state(THREAD)
    answered = await graph.ainvoke(Command(resume="yes"), THREAD)
    history = [it async for it in graph.aget_state_history(THREAD)]
    return [
        [it.value for it in asked["__interrupt__"]],
        state.next,
        answered["log"],
        [sorted(it.values.get("log", [])) for it in history],
    ]


async def test_a_checkpointer_in_memory_is_replaced_by_that_of_the_run(tmp_path: Path) -> None:
    saver = InMemorySaver()
    graph = builder().compile(checkpointer=saver)

    async def body(durable: Any) -> Any:
        return await _two_runs(durable)

    async with bench(graph, body, tmp_path) as opened:
        first = await opened.run()
        assert first == await opened.run()  # each run has its own
        assert set(opened.activities()) == {"graph.node"}
    assert not saver.storage
    plain = await _two_runs(graph)
    assert [*first[:1], tuple(first[1]), *first[2:]] == plain


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_checkpointer_that_lasts_is_called_in_activities(kind: str, tmp_path: Path) -> None:
    async with sqlite_saver(kind, tmp_path) as saver:
        graph = builder().compile(checkpointer=saver)
        async with bench(graph, _two_runs, tmp_path) as opened:
            found = await opened.run()
            assert opened.activities().count("graph.checkpointer") >= 6
        assert found[0] == ["may I?"]
        assert found[2] == ["hi", "greeted after 1", "approved: yes"]
        kept = await saver.aget_tuple(THREAD) if kind == "async" else saver.get_tuple(THREAD)
        assert kept.checkpoint["channel_values"]["log"] == found[2]


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_conversation_made_without_durability_goes_on_durably_and_back(
    kind: str, tmp_path: Path
) -> None:
    async with sqlite_saver(kind, tmp_path) as saver:
        graph = builder().compile(checkpointer=saver)

        async def ask_plainly(value: Any) -> Any:
            return await graph.ainvoke(value, THREAD) if kind == "async" else _sync(value)

        def _sync(value: Any) -> Any:
            return graph.invoke(value, THREAD)

        app = perdure.App("threads", backend=f"sqlite:///{tmp_path / 'app.db'}")
        runner = DurableGraphRunner(graph, app=app, name="g", requests_per_run=2)
        await ask_plainly({"log": ["plain"]})
        async with app.run():
            found = await runner.ainvoke(Command(resume="durably"), thread_id="t")
            assert found["log"] == ["plain", "greeted after 1", "approved: durably"]
            await runner.ainvoke({"log": ["more"]}, thread_id="t")
            # The thread begins a new run here, which finds the state where it is.
            state = await runner.aget_state(thread_id="t")
            assert state.next == ("approve",)
            assert [it.value for it in state.interrupts] == ["may I?"]
        found = await ask_plainly(Command(resume="plainly"))
        assert found["log"][-3:] == ["more", "greeted after 4", "approved: plainly"]


async def test_a_fork_of_a_checkpoint_does_not_change_the_other_branch(tmp_path: Path) -> None:
    graph = builder().compile(checkpointer=InMemorySaver())

    async def body(durable: Any) -> Any:
        await _two_runs(durable)
        history = [it async for it in durable.aget_state_history(THREAD)]
        end, before = history[0], history[1]
        fork = await durable.aupdate_state(before.config, {"log": ["forked"]}, as_node="approve")
        forked = await durable.aget_state(fork)
        old = await durable.aget_state(end.config)
        return [forked.values["log"], old.values["log"]]

    forked, old = await run_once(graph, body, tmp_path)
    assert forked == ["hi", "greeted after 1", "forked"]
    assert old == ["hi", "greeted after 1", "approved: yes"]


async def test_deleting_a_thread_deletes_it_where_it_is(tmp_path: Path) -> None:
    async with sqlite_saver("async", tmp_path) as saver:
        graph = builder().compile(checkpointer=saver)

        async def body(durable: Any) -> Any:
            await durable.ainvoke({"log": ["hi"]}, THREAD)
            await durable.checkpointer.adelete_thread("t")
            await durable.checkpointer.adelete_thread("t")
            return (await durable.aget_state(THREAD)).values

        assert await run_once(graph, body, tmp_path) == {}
        assert await saver.aget_tuple(THREAD) is None


async def test_outside_workflows_the_durable_graph_uses_the_checkpointer_as_it_is(
    tmp_path: Path,
) -> None:
    async with sqlite_saver("async", tmp_path) as saver:
        graph = builder().compile(checkpointer=saver)
        async with bench(graph, _two_runs, tmp_path) as opened:
            found = await _two_runs(opened.graph)
        assert found[2] == ["hi", "greeted after 1", "approved: yes"]
        assert (await graph.aget_state(THREAD)).values["log"] == found[2]
