"""What a thread is asked wrongly, or too late, or all at once."""

from __future__ import annotations

import asyncio
import operator
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import pytest
from langgraph.errors import EmptyInputError, GraphRecursionError, UnknownInterruptError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, interrupt

import perdure
from perdure_langgraph import DurableGraphRunner
from perdure_langgraph.errors import (
    CallbacksInWorkflowError,
    NodeError,
    ThreadEndedError,
    UnserializableStateError,
)
from perdure_langgraph.threads.requests import thread_instance_id

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class State(TypedDict, total=False):
    log: Annotated[list[Any], operator.add]


def ask(state: State) -> State:
    return {"log": [interrupt("one")]}


def ask_too(state: State) -> State:
    return {"log": [interrupt("two")]}


def echo(state: State) -> State:
    return {"log": [f"saw {len(state['log'])}"]}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[perdure.App, DurableGraphRunner]]:
    def make(*nodes: Any) -> tuple[perdure.App, DurableGraphRunner]:
        builder = StateGraph(State)
        for node in nodes:
            builder.add_node(node.__name__, node)
            builder.add_edge(START, node.__name__)
        app = perdure.App("bad", backend=f"sqlite:///{tmp_path / 'bad.db'}")
        return app, DurableGraphRunner(builder.compile(), app=app, name="g")

    return make


async def test_an_answer_to_a_question_that_is_gone_is_refused_and_changes_nothing(
    make: Any,
) -> None:
    app, runner = make(ask)
    async with app.run():
        asked = await runner.ainvoke({"log": []}, thread_id="t")
        (question,) = asked["__interrupt__"]
        await runner.ainvoke(Command(resume={question.id: "yes"}), thread_id="t")
        with pytest.raises(UnknownInterruptError, match=question.id) as caught:
            await runner.ainvoke(Command(resume={question.id: "again"}), thread_id="t")
        assert (caught.value.reason, caught.value.interrupt_ids) == ("not_pending", (question.id,))
        assert (await runner.aget_state(thread_id="t")).values == {"log": ["yes"]}


async def test_one_answer_to_two_questions_is_refused_and_both_stay_open(make: Any) -> None:
    app, runner = make(ask, ask_too)
    async with app.run():
        asked = await runner.ainvoke({"log": []}, thread_id="t")
        with pytest.raises(RuntimeError, match="multiple pending interrupts"):
            await runner.ainvoke(Command(resume="yes"), thread_id="t")
        answers = {each.id: each.value for each in asked["__interrupt__"]}
        found = await runner.ainvoke(Command(resume=answers), thread_id="t")
        assert found["log"] == ["one", "two"]


async def test_two_runs_on_one_thread_go_one_after_the_other(make: Any) -> None:
    app, runner = make(echo)
    async with app.run():
        found = await asyncio.gather(
            *(runner.ainvoke({"log": ["in"]}, thread_id="t") for _ in range(3))
        )
        assert sorted(len(each["log"]) for each in found) == [2, 4, 6]
        last = max(found, key=lambda each: len(each["log"]))
        assert last["log"] == ["in", "saw 1", "in", "saw 3", "in", "saw 5"]


async def test_a_thread_that_was_closed_takes_no_request_and_says_so(make: Any) -> None:
    app, runner = make(echo)
    async with app.run() as client:
        kept = await runner.ainvoke({"log": []}, thread_id="t", request_id="r")
        await runner.close("t")
        await client.get(None, thread_instance_id("g", "t")).result()
        await runner.close("t")
        with pytest.raises(ThreadEndedError, match="purge the instance to begin anew"):
            await runner.ainvoke({"log": []}, thread_id="t")
        with pytest.raises(ThreadEndedError):
            await runner.cancel("t", request_id="r")
        # What was answered stays.
        assert await runner.ainvoke({"log": []}, thread_id="t", request_id="r") == kept


async def test_a_thread_that_is_terminated_under_way_ends_the_wait_for_it(make: Any) -> None:
    is_there = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def hang(state: State) -> State:
        loop.call_soon_threadsafe(is_there.set)
        await asyncio.get_running_loop().create_future()
        return state

    app, runner = make(hang)
    async with app.run() as client:
        asking = asyncio.create_task(runner.ainvoke({"log": []}, thread_id="t"))
        await is_there.wait()
        await client.get(None, thread_instance_id("g", "t")).terminate()
        with pytest.raises(perdure.WorkflowTerminatedError):
            await asking


async def test_a_run_that_is_cancelled_leaves_the_thread_ready(make: Any) -> None:
    is_there = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def hang_once(state: State) -> State:
        if not is_there.is_set():
            loop.call_soon_threadsafe(is_there.set)
            await asyncio.get_running_loop().create_future()
        return {"log": ["done"]}

    app, runner = make(hang_once)
    async with app.run():
        running = asyncio.create_task(runner.ainvoke({"log": ["a"]}, thread_id="t"))
        await is_there.wait()
        waiting = asyncio.create_task(
            runner.ainvoke({"log": ["b"]}, thread_id="t", request_id="waiting")
        )
        await runner.cancel("t", request_id="waiting")
        await runner.cancel("t")
        for each in (running, waiting):
            with pytest.raises(asyncio.CancelledError):
                await each
        found = await runner.ainvoke({"log": ["c"]}, thread_id="t")
        assert found["log"] == ["a", "c", "done"]


async def test_a_run_that_fails_leaves_the_thread_ready_where_it_was(make: Any) -> None:
    is_well = False

    def work(state: State) -> State:
        if not is_well:
            raise LookupError("not well")
        return {"log": ["done"]}

    app, runner = make(work)
    async with app.run():
        with pytest.raises(LookupError, match="not well"):
            await runner.ainvoke({"log": ["a"]}, thread_id="t")
        is_well = True
        assert (await runner.aget_state(thread_id="t")).next == ("work",)
        assert (await runner.ainvoke(None, thread_id="t"))["log"] == ["a", "done"]


async def test_a_router_that_does_what_no_workflow_may_fails_its_run_and_not_the_thread(
    make: Any, tmp_path: Path
) -> None:
    def reads_a_file(state: State) -> str:
        return (tmp_path / "next").read_text()

    builder = StateGraph(State)
    builder.add_node(echo)
    builder.add_edge(START, "echo")
    builder.add_conditional_edges("echo", reads_a_file, ["echo"])
    app = perdure.App("bad", backend=f"sqlite:///{tmp_path / 'bad.db'}")
    runner = DurableGraphRunner(builder.compile(), app=app, name="g")
    async with app.run():
        for _ in range(2):
            with pytest.raises(perdure.WorkflowFailedError, match="opening a file"):
                await runner.ainvoke({"log": []}, thread_id="t")
        assert (await runner.aget_state(thread_id="t")).values == {}


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"thread_id": 3}, TypeError, "thread_id is to be a string that is not empty, not 3"),
        ({"thread_id": ""}, TypeError, "thread_id is to be a string that is not empty, not ''"),
        ({"request_id": 3}, TypeError, "request_id is to be a string"),
        ({"input": object()}, UnserializableStateError, r"the input of a graph \(object\)"),
        ({"input": {"log": object()}}, UnserializableStateError, "'log' in the input of a graph"),
        ({"input": None}, EmptyInputError, "no input"),
        ({"interupt_before": ["a"]}, TypeError, "no option 'interupt_before'; there are: "),
        ({"config": {"recursion_limit": 0}}, ValueError, "recursion_limit must be at least 1"),
        ({"config": {"callbacks": [object()]}}, CallbacksInWorkflowError, "with_config"),
        (
            {"config": {"configurable": {"client": object()}}},
            UnserializableStateError,
            r"'client' in 'configurable' in the config of a run \(object\)",
        ),
    ],
)
async def test_wrong_arguments_are_refused(
    given: dict[str, Any], error: type[Exception], message: str, make: Any
) -> None:
    app, runner = make(echo)
    async with app.run():
        with pytest.raises(error, match=message):
            await runner.ainvoke(**{"input": {"log": []}, "thread_id": "t", **given})


async def test_a_stream_mode_that_is_none_is_refused(make: Any) -> None:
    app, runner = make(echo)
    async with app.run():
        with pytest.raises(ValueError, match="no stream mode 'update'; there are: values, updates"):
            await anext(runner.astream({"log": []}, stream_mode="update"))


async def test_the_recursion_limit_of_a_thread_is_that_of_the_run(make: Any) -> None:
    def again(state: State) -> Command[Any]:
        return Command(goto="again")

    app, runner = make(again)
    async with app.run():
        with pytest.raises(GraphRecursionError):
            await runner.ainvoke({"log": []}, {"recursion_limit": 4}, thread_id="t")


async def test_an_input_that_is_no_state_is_refused_by_the_graph(make: Any) -> None:
    app, runner = make(echo)
    async with app.run():
        with pytest.raises(Exception, match="Expected dict, got text") as caught:
            await runner.ainvoke("text", thread_id="t")
        assert not isinstance(caught.value, NodeError)
