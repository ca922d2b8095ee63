"""The functional API: entrypoints run in the workflow, and each of their tasks is an activity."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.nodes import Trail
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.func import entrypoint, task
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy, interrupt

if TYPE_CHECKING:
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig
    from langgraph.types import StreamWriter


async def test_an_asynchronous_entrypoint_with_tasks_of_both_kinds(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        async def double(number: int) -> int:
            log.note(f"double {number}")
            return number * 2

        @task
        def add(one: int, *, other: int) -> int:
            log.note("add")
            return one + other

        @entrypoint()
        async def compute(numbers: list[int]) -> dict[str, Any]:
            doubled = await asyncio.gather(*(double(number) for number in numbers))
            return {"sum": await add(doubled[0], other=doubled[1]), "doubled": doubled}

        return Shape(graph=compute, turns=[[1, 2, 3]])

    played = await golden(build, tmp_path)
    assert played.last == {"sum": 6, "doubled": [2, 4, 6]}


async def test_a_plain_entrypoint_waits_for_its_tasks(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def double(number: int) -> int:
            log.note(f"double {number}")
            return number * 2

        @task
        async def total(numbers: list[int]) -> int:
            log.note("total")
            return sum(numbers)

        @entrypoint()
        def compute(numbers: list[int]) -> int:
            futures = [double(number) for number in numbers]
            return total([future.result() for future in futures]).result()

        return Shape(graph=compute, turns=[[1, 2, 3]])

    played = await golden(build, tmp_path)
    assert played.last == 12


async def test_previous_results_and_results_that_are_not_saved(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def twice(number: int) -> int:
            log.note("twice")
            return number * 2

        @entrypoint()
        def count(number: int, *, previous: Any = None) -> entrypoint.final[int, int]:
            return entrypoint.final(value=previous or 0, save=twice(number).result())

        return Shape(graph=count, turns=[3, 1, 0])

    played = await golden(build, tmp_path)
    assert [turn["chunks"][" values"][-1] for turn in played.turns] == [[0], [6], [2]]


@pytest.mark.parametrize("is_async", [True, False])
async def test_interrupts_between_tasks(is_async: bool, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def write(topic: str) -> str:
            log.note(f"write {topic}")
            return f"an essay about {topic}"

        @entrypoint()
        async def review(topic: str) -> dict[str, Any]:
            essay = await write(topic)
            first = interrupt({"review": essay})
            again = await write(f"{topic}, {first}")
            return {"essay": again, "answers": [first, interrupt("and this?")]}

        @entrypoint()
        def review_plainly(topic: str) -> dict[str, Any]:
            essay = write(topic).result()
            first = interrupt({"review": essay})
            again = write(f"{topic}, {first}").result()
            return {"essay": again, "answers": [first, interrupt("and this?")]}

        graph = review if is_async else review_plainly
        return Shape(graph=graph, turns=["cats", Command(resume="longer"), Command(resume="ok")])

    played = await golden(build, tmp_path)
    assert played.ran == {"write cats": 1, "write cats, longer": 1}
    assert played.last["answers"] == ["longer", "ok"]


async def test_an_interrupt_in_a_task(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def ask(question: str) -> str:
            log.note(question)
            return f"{question} {interrupt(question)}"

        @entrypoint()
        async def survey(questions: list[str]) -> list[str]:
            return [await ask(question) for question in questions]

        answers: list[Command[Any]] = [Command(resume="yes"), Command(resume="no")]
        return Shape(graph=survey, turns=[["one?", "two?"], *answers])

    played = await golden(build, tmp_path)
    assert played.ran == {"one?": 2, "two?": 2}
    assert played.last == ["one? yes", "two? no"]


async def test_a_task_is_tried_again_by_its_policy(tmp_path: Path) -> None:
    policy = RetryPolicy(initial_interval=0.001, jitter=False, retry_on=ValueError)

    def build(log: Log) -> Shape:
        tries: list[int] = []

        def sometimes() -> str:
            log.note("try")
            tries.append(1)
            if len(tries) % 3:
                raise ValueError("not yet")
            return "done"

        shaky: Any = task(retry_policy=policy, name="shaky")(sometimes)  # type: ignore[arg-type]  # LangGraph's types take no plain function here

        @entrypoint()
        async def run(_: Any) -> Any:
            return await shaky()

        return Shape(graph=run, turns=["go"])

    played = await golden(build, tmp_path)
    assert played.ran == {"try": 3}


async def test_an_error_of_a_task_can_be_caught_by_the_body(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def fail(text: str) -> str:
            log.note(text)
            raise ValueError(text)

        @entrypoint()
        async def run(_: Any) -> str:
            try:
                await fail("caught")
            except ValueError as err:
                await asyncio.gather(fail(f"{err}, not caught"))
            return "never"

        @entrypoint()
        def run_plainly(_: Any) -> str:
            try:
                return fail("caught").result()
            except ValueError as err:
                return f"{err} here"

        return Shape(graph=run_plainly if _plain else run, turns=["go"])

    for _plain in (True, False):
        folder = tmp_path / str(_plain)
        folder.mkdir()
        played = await golden(build, folder)
    assert played.turns[0]["raised"] == {"raised": "ValueError", "text": "caught, not caught"}


async def test_what_is_injected_into_bodies_and_tasks(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def speak(text: str, config: RunnableConfig, writer: StreamWriter) -> str:
            log.note("speak")
            writer({"spoken": text})
            return f"{text} to {config['configurable']['user']}"

        @entrypoint()
        async def run(text: str, config: RunnableConfig, writer: StreamWriter) -> Any:
            writer({"in the body": text})
            said: Any = speak
            return await said(text) + f", {config['configurable']['user']}"

        return Shape(graph=run, turns=["hello"], configurable={"user": "Ada"})

    played = await golden(build, tmp_path)
    assert played.last == "hello to Ada, Ada"


async def test_an_entrypoint_as_a_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def name_it(count: int) -> str:
            log.note("name it")
            return f"number {count}"

        @entrypoint()
        async def inner(state: Trail) -> dict[str, Any]:
            return {"trail": [await name_it(state["count"])]}

        graph = StateGraph(Trail)
        graph.add_node("inner", inner)
        graph.add_edge(START, "inner")
        modes = ("values", "updates")
        return Shape(graph=graph.compile(), turns=[{"trail": [], "count": 7}], modes=modes)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["number 7"]


async def test_tasks_called_in_a_node_run_in_its_activity(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        @task
        def square(number: int) -> int:
            log.note("square")
            return number * number

        async def both(state: Trail) -> dict[str, Any]:
            log.note("both")
            return {"count": sum(await asyncio.gather(square(2), square(3)))}

        def plainly(state: Trail) -> dict[str, Any]:
            return {"count": square(state["count"]).result()}

        graph = StateGraph(Trail)
        graph.add_sequence([both, plainly])
        graph.add_edge(START, "both")
        start = {"trail": [], "count": 0}
        return Shape(graph=graph.compile(), turns=[start], modes=("values",))

    played = await golden(build, tmp_path)
    assert played.last["count"] == 13 + 169


async def test_a_body_is_tried_again_by_its_policy(tmp_path: Path) -> None:
    policy = RetryPolicy(initial_interval=0.001, jitter=False, retry_on=ValueError)

    def build(log: Log) -> Shape:
        @task
        def count() -> int:
            log.note("count")
            return len(log.entries)

        @entrypoint(retry_policy=policy)
        async def run(_: Any) -> str:
            if await count() % 2:
                raise ValueError("odd")
            return "even"

        return Shape(graph=run, turns=["go"], modes=("values",))

    played = await golden(build, tmp_path)
    assert played.ran == {"count": 2}
