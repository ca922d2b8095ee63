"""How the function of a node runs: where, for how long, and how often."""

from __future__ import annotations

import asyncio
import operator
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langgraph.errors import NodeCancelledError, NodeTimeoutError
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime, get_runtime
from langgraph.types import RetryPolicy, TimeoutPolicy
from services.running import bench, run_once

if TYPE_CHECKING:
    from langgraph.pregel import Pregel


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


def one_node(function: Any, **options: Any) -> Pregel[Any, Any, Any, Any]:
    builder = StateGraph(State)
    builder.add_node("work", function, **options)
    builder.add_edge(START, "work")
    return builder.compile()


async def _ask(graph: Any) -> Any:
    return await graph.ainvoke({"log": []})


async def test_a_node_that_runs_too_long_fails_as_it_does_without_durability(
    tmp_path: Path,
) -> None:
    async def hang(state: State) -> State:
        await asyncio.get_running_loop().create_future()
        return state

    graph = one_node(hang, timeout=TimeoutPolicy(run_timeout=0.05))
    with pytest.raises(NodeTimeoutError) as plain:
        await _ask(graph)

    async def body(durable: Any) -> Any:
        try:
            await _ask(durable)
        except NodeTimeoutError as err:
            return [err.node, err.kind, err.timeout, err.run_timeout, str(err)[:40]]
        return None

    seen = await run_once(graph, body, tmp_path)
    assert seen == ["work", "run", 0.05, 0.05, str(plain.value)[:40]]


async def test_a_node_that_shows_progress_is_not_idle(tmp_path: Path) -> None:
    async def work(state: State, runtime: Runtime[None]) -> State:
        for _ in range(8):
            await asyncio.sleep(0.02)
            runtime.heartbeat()
        return {"log": ["done"]}

    policy = TimeoutPolicy(idle_timeout=timedelta(seconds=0.12), refresh_on="heartbeat")
    found = await run_once(one_node(work, timeout=policy), _ask, tmp_path)
    assert found == {"log": ["done"]}


async def test_a_timeout_is_tried_again_by_the_retry_policy(tmp_path: Path) -> None:
    runs: list[int] = []

    async def work(state: State) -> State:
        runs.append(get_runtime().execution_info.node_attempt)  # type: ignore[union-attr]
        if len(runs) < 3:
            await asyncio.get_running_loop().create_future()
        return {"log": ["done"]}

    graph = one_node(
        work,
        timeout=0.05,
        retry_policy=RetryPolicy(initial_interval=0.01, jitter=False, max_attempts=3),
    )
    assert await run_once(graph, _ask, tmp_path) == {"log": ["done"]}
    assert runs == [1, 2, 3]


async def test_a_retry_policy_may_ask_a_function_of_the_user(tmp_path: Path) -> None:
    class OutOfPaperError(Exception):
        def __init__(self, tray: int) -> None:
            super().__init__("out of paper")
            self.tray = tray

    runs: list[int] = []

    def work(state: State) -> State:
        runs.append(len(runs))
        raise OutOfPaperError(len(runs))

    def is_early(error: Exception) -> bool:
        return isinstance(error, OutOfPaperError) and error.tray < 3

    policy = RetryPolicy(initial_interval=0.01, jitter=False, max_attempts=9, retry_on=is_early)

    async def body(durable: Any) -> Any:
        with pytest.raises(Exception, match="out of paper"):
            await _ask(durable)

    await run_once(one_node(work, retry_policy=policy), body, tmp_path)
    assert len(runs) == 3


async def test_a_plain_function_runs_off_the_loop_of_the_worker(tmp_path: Path) -> None:
    threads: list[threading.Thread] = []
    is_let_go = threading.Event()

    def work(state: State) -> State:
        threads.append(threading.current_thread())
        assert is_let_go.wait(10)
        return {"log": ["done"]}

    async with bench(one_node(work), _ask, tmp_path) as opened:
        running = asyncio.create_task(opened.run())
        while not threads:
            await asyncio.sleep(0.005)  # the loop goes on, though the node blocks
        is_let_go.set()
        assert await running == {"log": ["done"]}
    assert threads[0] is not threading.main_thread()
    assert threads[0].daemon


_HANGS = """
import asyncio, sys, threading
from datetime import timedelta
sys.path.insert(0, {tests!r})
import perdure
from langgraph.graph import START, StateGraph
from perdure_langgraph import durable_graph

has_begun = threading.Event()
def hang(state):
    has_begun.set()
    threading.Event().wait()

builder = StateGraph(dict)
builder.add_node("work", hang)
builder.add_edge(START, "work")
app = perdure.App("hangs", backend={url!r})
graph = durable_graph(builder.compile(), app=app, name="g")

@app.workflow
async def run():
    await graph.ainvoke({{}})

async def main():
    async with app.run(drain_timeout=timedelta(seconds=0.1)) as client:
        await client.start(run)
        while not has_begun.is_set():
            await asyncio.sleep(0.01)

asyncio.run(main())
print("ended")
"""


def test_a_plain_function_that_hangs_keeps_no_worker_from_ending(tmp_path: Path) -> None:
    program = _HANGS.format(tests=str(Path(__file__).parents[1]), url=f"sqlite:///{tmp_path}/h.db")
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=25, check=False
    )
    assert ended.stdout == "ended\n", ended.stderr


async def test_a_node_that_cancels_itself_fails_its_run(tmp_path: Path) -> None:
    async def work(state: State) -> State:
        raise asyncio.CancelledError

    async def body(durable: Any) -> Any:
        with pytest.raises(NodeCancelledError, match="work"):
            await _ask(durable)

    await run_once(one_node(work), body, tmp_path)
