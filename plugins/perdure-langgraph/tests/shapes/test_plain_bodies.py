"""Entrypoints that are plain functions: each wait ends a run of theirs, and nobody can tell."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.config import get_stream_writer
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel, ValidationError

import perdure
from perdure_langgraph import DurableGraphRunner
from perdure_langgraph.errors import BodyDiffersError, UnsupportedGraphError

if TYPE_CHECKING:
    from pathlib import Path

    from langgraph.pregel import Pregel
    from langgraph.types import StreamWriter

    Graph = Pregel[Any, Any, Any, Any]


class Answer(BaseModel):
    fine: bool


@task
def same(value: Any) -> Any:
    return value


async def asked(graph: Graph, folder: Path) -> Any:
    """Return what a runner of the graph answers."""
    app = perdure.App("bodies", backend=f"sqlite:///{folder}/bodies.db")
    runner = DurableGraphRunner(graph, app=app, name="it")
    async with app.run():
        return await runner.ainvoke([])


async def test_a_body_changes_what_it_is_given(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(words: list[str], *, previous: list[str] | None = None) -> list[str]:
            seen = previous if previous is not None else []
            for _ in range(2):
                words.append("and")
                got = same(words).result()
                got.append("more")
                seen.append("so")
                words = same(got).result()
            return [*seen, *words]

        return Shape(graph=body, turns=[["one"], ["two"]], modes=("values",))

    played = await golden(build, tmp_path)
    second = ["two", "and", "more", "and", "more"]
    assert played.last == ["so", "so", "one", *second[1:], "so", "so", *second]


async def test_what_a_body_writes_is_written_once(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(_: Any, writer: StreamWriter) -> Any:
            try:
                writer("one")
                first = same(1).result()
                get_stream_writer()("two")
                return first + same(1).result()
            finally:
                writer("end")

        return Shape(graph=body, turns=["go"], modes=("custom", "values"))

    played = await golden(build, tmp_path)
    assert played.turns[0]["chunks"][" custom"] == [["end", "one", "two"]]


async def test_a_body_draws_the_same_ids_in_each_run(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(_: Any) -> int:
            first = same(str(uuid.uuid4())).result()
            second = same(str(uuid.uuid4())).result()
            return len({first, second, str(uuid.uuid4())})

        return Shape(graph=body, turns=["go"])

    played = await golden(build, tmp_path)
    assert played.last == 3


async def test_interrupts_of_a_body_between_its_waits(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(_: Any) -> list[Any]:
            try:
                first: Any = interrupt("fine?", response_schema=Answer)
            except ValidationError:
                first = "not valid"
            one = same(first).result()
            two = same(interrupt("and?")).result()
            return [one, two, same(interrupt("really?")).result()]

        answers: list[Command[Any]] = [
            Command(resume={"fine": True}),
            Command(resume="b"),
            Command(resume="c"),
        ]
        return Shape(graph=body, turns=["go", *answers], modes=("updates",))

    played = await golden(build, tmp_path)
    assert played.last[1:] == ["b", "c"]


async def test_an_answer_that_is_not_valid_is_caught_in_each_run(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(_: Any) -> list[Any]:
            try:
                interrupt("fine?", response_schema=Answer)
            except ValidationError:
                return [same("not").result(), same("valid").result()]
            return []

        return Shape(graph=body, turns=["go", Command(resume="?")], modes=("updates",))

    played = await golden(build, tmp_path)
    assert played.last == ["not", "valid"]


async def test_a_body_is_left_by_way_of_its_finally(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @entrypoint()
        def body(_: Any) -> int:
            try:
                got = same(1).result()
                try:
                    more = same(2).result()
                finally:
                    got += more
            finally:
                last = same(got).result()
            return int(last)

        return Shape(graph=body, turns=["go"])

    played = await golden(build, tmp_path)
    assert played.last == 3


async def test_a_body_asks_its_futures_and_hears_of_them(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def fail() -> None:
            raise ValueError("no")

        @entrypoint()
        def body(_: Any) -> list[Any]:
            heard: list[Any] = []
            one, bad = same(1), fail()
            one.add_done_callback(lambda it: heard.append(it.result()))
            before = [one.result(), one.done(), one.cancel()]
            return [*before, heard, str(bad.exception()), same(5).result()]

        return Shape(graph=body, turns=["go"])

    played = await golden(build, tmp_path)
    assert played.last == [1, True, False, [1], "no", 5]


async def test_a_wait_that_took_too_long_did_so_in_each_run(tmp_path: Path) -> None:
    @task
    async def late() -> str:
        await asyncio.sleep(2)
        return "late"

    @entrypoint()
    def body(_: Any) -> list[Any]:
        future = late()
        began = perdure.now()
        try:
            future.result(timeout=0.1)
        except TimeoutError:
            took = (perdure.now() - began).total_seconds()
        drawn = [perdure.random().random(), str(perdure.uuid4())]
        return [future.result(), same(took).result(), same(drawn).result() == drawn]

    said, took, is_same = await asked(body, tmp_path)
    assert (said, is_same) == ("late", True)
    assert 0.1 <= took < 2


async def test_a_task_that_a_body_cancels_is_cancelled_once(tmp_path: Path) -> None:
    @task
    async def endless() -> None:
        await asyncio.Event().wait()

    @entrypoint()
    def body(_: Any) -> list[Any]:
        future = endless()
        is_cancelled = future.cancel()
        return [same(is_cancelled).result(), future.cancelled(), future.cancel()]

    assert await asked(body, tmp_path) == [True, True, False]


async def test_a_body_that_catches_everything_is_refused(tmp_path: Path) -> None:
    @entrypoint()
    def body(_: Any) -> Any:
        try:
            return same(1).result()
        except BaseException:  # noqa: BLE001 - the mistake
            return "caught"

    with pytest.raises(UnsupportedGraphError, match="catch Exception"):
        await asked(body, tmp_path)


@pytest.mark.parametrize(
    ("kinds", "differs"),
    [
        (["one"], r"called task 'same' \(its call 1\) before, and now it calls .* other arguments"),
        (["other"], r"called task 'same' \(its call 1\) before, and now it calls task 'other'"),
        ([], r"waited for task 'same' after 1 calls before, and now it comes to its end"),
        (["zero", "more"], r"after 1 calls before, and now it calls task 'same'"),
    ],
)
async def test_a_body_that_does_something_else_is_told_what(
    kinds: list[str], differs: str, tmp_path: Path
) -> None:
    runs: list[int] = []

    @task
    def other(value: Any) -> Any:
        return value

    @entrypoint()
    def body(_: Any) -> Any:
        runs.append(1)
        if len(runs) == 1:
            return same("zero").result()
        futures = [other(kind) if kind == "other" else same(kind) for kind in kinds]
        return [future.result() for future in futures]

    with pytest.raises(BodyDiffersError, match=differs):
        await asked(body, tmp_path)


async def test_a_graph_called_in_a_plain_body_is_refused(tmp_path: Path) -> None:
    builder: Any = StateGraph(dict)
    builder.add_node("node", lambda state: state)
    builder.add_edge(START, "node")
    graph = builder.compile()

    @entrypoint()
    def body(_: Any) -> Any:
        return graph.invoke({"a": 1})

    with pytest.raises(UnsupportedGraphError, match="call it in a task, or make the entrypoint"):
        await asked(body, tmp_path)
