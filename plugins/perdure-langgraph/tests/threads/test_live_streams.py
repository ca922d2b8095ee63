"""Streams of threads: chunks come while the run goes on, each once, to whoever listens."""

from __future__ import annotations

import asyncio
import operator
import sys
import threading
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessageChunk
from langgraph.config import get_stream_writer
from langgraph.graph import START, StateGraph

import perdure
from perdure.streams import MemoryStreamHub
from perdure_langgraph import DurableGraphRunner
from perdure_langgraph.errors import StreamModesError
from perdure_langgraph.serde import encode
from perdure_langgraph.streaming.live import VARIABLE
from perdure_langgraph.streaming.views import StreamView

if TYPE_CHECKING:
    from langgraph.pregel import Pregel

    from perdure.streams import Json


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]


@dataclass
class Gate:
    """What a node waits at, between two things that it says."""

    opened: threading.Event = field(default_factory=threading.Event)
    passed: list[str] = field(default_factory=list)

    def work(self, state: State) -> State:
        writer = get_stream_writer()
        writer("before")
        assert self.opened.wait(20)
        self.passed.append("work")
        writer("after")
        return {"log": ["worked"]}


def graph_with(gate: Gate) -> Pregel[Any, Any, Any, Any]:
    builder = StateGraph(State)
    builder.add_node("first", lambda state: {"log": ["first"]})
    builder.add_node("work", gate.work)
    builder.add_edge(START, "first")
    builder.add_edge("first", "work")
    return builder.compile()


def make_runner(gate: Gate, folder: Path, **options: Any) -> tuple[perdure.App, Any]:
    app = perdure.App("live", backend=f"sqlite:///{folder / 'live.db'}")
    return app, DurableGraphRunner(graph_with(gate), app=app, name="g", **options)


MODES = ["updates", "custom"]
WHOLE = [
    ("updates", {"first": {"log": ["first"]}}),
    ("custom", "before"),
    ("custom", "after"),
    ("updates", {"work": {"log": ["worked"]}}),
]


async def test_chunks_of_nodes_and_updates_come_while_the_run_goes_on(tmp_path: Path) -> None:
    gate = Gate()
    app, runner = make_runner(gate, tmp_path, stream_hub=MemoryStreamHub())
    async with app.run():
        heard = []
        async for chunk in runner.astream({"log": []}, thread_id="t", stream_mode=MODES):
            heard.append(chunk)
            if len(heard) == 2:
                # Both came, and the node has not gone on yet.
                assert not gate.passed
                gate.opened.set()
        assert sorted(map(str, heard)) == sorted(map(str, WHOLE))
        assert heard[2:] == WHOLE[2:]


async def test_who_comes_late_hears_everything_with_the_same_sequence_numbers(
    tmp_path: Path,
) -> None:
    gate = Gate()
    app, runner = make_runner(gate, tmp_path, stream_hub=MemoryStreamHub())
    ask = {"thread_id": "t", "request_id": "r", "stream_mode": MODES}

    async def listen(**options: Any) -> list[Any]:
        chunks = runner.astream_chunks({"log": []}, **ask, **options)
        return [(it.sequence, it.mode, it.payload) async for it in chunks]

    async with app.run():
        async with aclosing(runner.astream({"log": []}, **ask)) as first:
            await anext(first)
            late = asyncio.create_task(listen())
            gate.opened.set()
            # Left early: the run goes on all the same.
        heard = await late
        assert [sequence for sequence, _, _ in heard] == list(range(4))
        assert await listen() == heard
        assert await listen(after=1) == heard[2:]
        assert gate.passed == ["work"]


async def test_nothing_is_published_when_nobody_asked_for_a_stream(tmp_path: Path) -> None:
    gate = Gate()
    gate.opened.set()
    hub = _CountingHub()
    app, runner = make_runner(gate, tmp_path, stream_hub=hub)
    async with app.run() as client:
        await runner.ainvoke({"log": []}, thread_id="t", request_id="r")
        assert hub.appended == 0
        listed = [info async for info in client.list(name="graph.thread")]
        names = [
            getattr(it, "name", "")
            for it in await client.get(None, listed[0].instance_id).history()
        ]
        assert "graph.publish" not in names
        with pytest.raises(StreamModesError, match="'r' was asked without a stream"):
            await anext(runner.astream({"log": []}, thread_id="t", request_id="r"))


async def test_a_hub_that_is_down_costs_nothing_but_liveness(tmp_path: Path) -> None:
    gate = Gate()
    gate.opened.set()
    app, runner = make_runner(gate, tmp_path, stream_hub=_BrokenHub())
    async with app.run():
        chunks = runner.astream({"log": []}, thread_id="t", stream_mode=MODES)
        assert [chunk async for chunk in chunks] == WHOLE


async def test_what_came_before_an_error_is_heard_before_it_is_raised(tmp_path: Path) -> None:
    def fail(state: State) -> State:
        get_stream_writer()("about to fail")
        raise ValueError("no more paper")

    builder = StateGraph(State)
    builder.add_node("fail", fail)
    builder.add_edge(START, "fail")
    app = perdure.App("live", backend=f"sqlite:///{tmp_path / 'live.db'}")
    runner = DurableGraphRunner(builder.compile(), app=app, stream_hub=_BrokenHub())
    async with app.run():
        chunks = runner.astream({"log": []}, stream_mode="custom")
        assert await anext(chunks) == "about to fail"
        with pytest.raises(ValueError, match="no more paper"):
            await anext(chunks)


_LISTENER = """
import asyncio, sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from threads.test_live_streams import Gate, MODES, make_runner

async def main():
    app, runner = make_runner(Gate(), Path({folder!r}))
    async with app.client():
        ask = dict(thread_id="t", request_id="r", stream_mode=MODES)
        async for chunk in runner.astream_chunks({{"log": []}}, **ask):
            print(chunk.sequence, chunk.mode, chunk.payload, flush=True)

asyncio.run(main())
"""


async def test_a_subscriber_in_another_process_hears_chunks_while_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"file://{tmp_path}/streams")
    gate = Gate()
    app, runner = make_runner(gate, tmp_path)
    program = _LISTENER.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path))
    async with app.run():
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(2)]
        assert not gate.passed
        gate.opened.set()
        rest = (await process.stdout.read()).decode()
        await process.wait()
        assert {line.split(" ", 1)[1] for line in lines} == {
            "custom before\n",
            "updates {'first': {'log': ['first']}}\n",
        }
        assert rest == "2 custom after\n3 updates {'work': {'log': ['worked']}}\n"
        again = runner.astream({"log": []}, thread_id="t", request_id="r", stream_mode=MODES)
        assert len([chunk async for chunk in again]) == 4


def piece(text: str, *, execution: str, attempt: int = 1, message_id: str = "") -> Json:
    payload: Any = text
    mode = "custom"
    if message_id:
        mode = "messages"
        payload = [
            AIMessageChunk(content=text, id=message_id),
            {"langgraph_checkpoint_ns": "work:1"},
        ]
    return {
        "kind": "node",
        "call": "work:1",
        "attempt": attempt,
        "execution": execution,
        "chunk": encode([[], mode, payload], what="a chunk"),
    }


def texts(view: StreamView, pieces: list[Json]) -> list[str]:
    found = []
    for each in pieces:
        for chunk in view.take(each):
            payload = chunk.payload
            found.append(payload[0].content if chunk.mode == "messages" else payload)
    return found


@pytest.mark.parametrize("message_ids", [("", ""), ("run-1", "run-2")])
def test_what_a_second_worker_says_again_is_not_heard_again(message_ids: tuple[str, str]) -> None:
    view = StreamView()
    first, second = message_ids
    heard = texts(
        view,
        [
            piece("a", execution="x", message_id=first),
            piece("a", execution="x", message_id=first),
            piece("b", execution="x", message_id=first),
            piece("a", execution="y", message_id=second),
            piece("c", execution="x", message_id=first),  # a worker that is not heard any more
            piece("a", execution="y", message_id=second),
            piece("b", execution="y", message_id=second),
            piece("c", execution="y", message_id=second),
        ],
    )
    assert heard == ["a", "a", "b", "c"]


def test_another_attempt_of_a_node_is_heard_whole() -> None:
    view = StreamView()
    heard = texts(view, [piece("a", execution="x"), piece("a", execution="y", attempt=2)])
    assert heard == ["a", "a"]


def test_the_answer_adds_only_what_was_not_heard_live() -> None:
    view = StreamView()
    update = [[], "updates", {"work": 1}]
    loop = {"kind": "loop", "index": 1, "chunk": encode(update, what="a chunk")}
    texts(view, [piece("a", execution="x"), loop, loop])
    rest = view.rest([[[], "custom", "a"], update, [[], "custom", "b"]])
    assert [(it.sequence, it.payload, it.is_live) for it in rest] == [(2, "b", False)]


class _CountingHub(MemoryStreamHub):
    appended = 0

    async def append(self, stream_id: str, piece: Json) -> None:
        self.appended += 1
        await super().append(stream_id, piece)


class _BrokenHub(MemoryStreamHub):
    async def append(self, stream_id: str, piece: Json) -> None:
        raise ConnectionError("the hub is down")
