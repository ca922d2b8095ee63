"""Interrupts stop a graph, and answers let it go on, as in plain LangGraph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from graph_kit.nodes import EMPTY, trails
from graph_kit.shapes import Log, Shape
from graph_kit.ways import golden
from langgraph.graph import START
from langgraph.types import Command, StateSnapshot, interrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def asking(log: Log, name: str, *questions: str) -> Callable[[Any], dict[str, Any]]:
    """Return a node that asks questions, one after another."""

    def ask(state: Any) -> dict[str, Any]:
        log.note(name)
        answers = [interrupt({"asks": name, "question": question}) for question in questions]
        return {"trail": [f"{name}: {answer}" for answer in answers], "count": 1}

    return ask


def answering(choose: Callable[[str], Any]) -> Callable[[StateSnapshot], Command[Any]]:
    """Return a turn that answers the open interrupts by their ids."""

    def turn(state: StateSnapshot) -> Command[Any]:
        found = {it.id: choose(it.value["asks"]) for it in state.interrupts}
        return Command(resume={key: value for key, value in found.items() if value is not None})

    return turn


async def test_an_interrupt_and_its_answer(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ac", review=asking(log, "review", "publish?"))
        graph.add_edge(START, "a")
        graph.add_edge("a", "review")
        graph.add_edge("review", "c")
        return Shape(graph=graph.compile(), turns=[EMPTY, Command(resume="yes")])

    played = await golden(build, tmp_path)
    assert played.turns[0]["state"]["next"] == ["review"]
    assert played.last["trail"] == ["a", "review: yes", "c"]
    assert played.ran == {"a": 1, "c": 1, "review": 2}


@pytest.mark.parametrize("answer", [False, 0, "", [], {"a": [1, None]}, {"text": "free"}])
async def test_answers_of_any_type(answer: Any, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "", review=asking(log, "review", "?"))
        graph.add_edge(START, "review")
        return Shape(graph=graph.compile(), turns=[EMPTY, Command(resume=answer)])

    await golden(build, tmp_path)


async def test_several_interrupts_in_one_node(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "", review=asking(log, "review", "one", "two", "three"))
        graph.add_edge(START, "review")
        answers: list[Command[Any]] = [Command(resume=number) for number in (1, 2, 3)]
        return Shape(graph=graph.compile(), turns=[EMPTY, *answers])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["review: 1", "review: 2", "review: 3"]
    assert played.ran == {"review": 4}


async def test_a_loop_of_interrupts_until_the_answer_is_good(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        def age(state: Any) -> dict[str, Any]:
            question = "How old?"
            while True:
                log.note("age")
                answer = interrupt(question)
                if isinstance(answer, int):
                    return {"count": answer}
                question = f"{answer!r} is no number"

        graph = trails(log, "", age=age)
        graph.add_edge(START, "age")
        answers: list[Command[Any]] = [Command(resume=answer) for answer in ("old", "very", 41)]
        return Shape(graph=graph.compile(), turns=[EMPTY, *answers])

    played = await golden(build, tmp_path)
    assert played.last["count"] == 41


def parallel(log: Log) -> Any:
    graph = trails(log, "acd", one=asking(log, "one", "1"), two=asking(log, "two", "2"))
    graph.add_edge(START, "a")
    for name in ("one", "two", "c"):
        graph.add_edge("a", name)
    graph.add_edge(["one", "two", "c"], "d")
    return graph.compile()


async def test_parallel_interrupts_answered_one_by_one(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        turns = [
            EMPTY,
            answering(lambda who: "first" if who == "two" else None),
            answering(lambda who: "second"),
        ]
        return Shape(graph=parallel(log), turns=turns)

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "c", "one: second", "two: first", "d"]
    assert played.ran["c"] == 1


async def test_parallel_interrupts_answered_by_a_map_of_ids(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        return Shape(graph=parallel(log), turns=[EMPTY, answering(lambda who: f"for {who}")])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "c", "one: for one", "two: for two", "d"]


async def test_one_answer_without_an_id_for_parallel_interrupts(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        return Shape(graph=parallel(log), turns=[EMPTY, Command(resume="for whom?")])

    await golden(build, tmp_path)


@pytest.mark.parametrize("place", ["interrupt_before", "interrupt_after"])
async def test_breakpoints_of_a_graph(place: Any, tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "abc")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        graph.add_edge("b", "c")
        return Shape(graph=graph.compile(**{place: ["b"]}), turns=[EMPTY, None])

    played = await golden(build, tmp_path)
    assert played.turns[0]["state"]["next"] == (["b"] if place == "interrupt_before" else ["c"])
    assert played.last["trail"] == ["a", "b", "c"]


async def test_breakpoints_of_a_run_at_all_nodes(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "ab")
        graph.add_edge(START, "a")
        graph.add_edge("a", "b")
        options = {"interrupt_before": "*"}
        return Shape(graph=graph.compile(), turns=[EMPTY, None, None], options=options)

    played = await golden(build, tmp_path)
    assert [turn["state"]["next"] for turn in played.turns] == [["a"], ["b"], []]


async def test_new_input_instead_of_an_answer(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "a", review=asking(log, "review", "?"))
        graph.add_edge(START, "a")
        graph.add_edge("a", "review")
        return Shape(graph=graph.compile(), turns=[EMPTY, EMPTY, Command(resume="late")])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["a", "a", "review: late"]


async def test_an_answer_beside_an_update(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "a", review=asking(log, "review", "?"))
        graph.add_edge(START, "review")
        graph.add_edge("review", "a")
        answer: Command[Any] = Command(resume="yes", update={"trail": ["noted"]})
        return Shape(graph=graph.compile(), turns=[EMPTY, answer])

    played = await golden(build, tmp_path)
    assert played.last["trail"] == ["noted", "review: yes", "a"]


async def test_an_interrupt_without_a_checkpointer_is_the_end(tmp_path: Path) -> None:
    def build(log: Log) -> Shape:
        graph = trails(log, "", review=asking(log, "review", "?"))
        graph.add_edge(START, "review")
        return Shape(graph=graph.compile(), turns=[EMPTY], has_memory=False)

    await golden(build, tmp_path)
