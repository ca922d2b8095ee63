"""A thread is a conversation that lasts: over runs, restarts, new histories and long silence."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Command, RetryPolicy
from threads.desk import Counted, State, asking, at_once, in_a_row, on_disk, on_manual_clock, said

from perdure.spi.history import WorkflowStarted
from perdure_langgraph.threads.requests import thread_instance_id

if TYPE_CHECKING:
    from pathlib import Path

THREAD = thread_instance_id("desk", "t")


async def test_a_thread_remembers_over_runs_and_restarts(tmp_path: Path) -> None:
    work = Counted()
    for number in range(3):
        async with on_disk(in_a_row(work=work), tmp_path) as runner:
            found = await runner.ainvoke(said(str(number)), thread_id="t")
            assert len(found["log"]) == 2 * number + 2
    assert work.runs == ["0", "1", "2"]


async def test_threads_know_nothing_of_each_other(tmp_path: Path) -> None:
    async with on_disk(in_a_row(work=Counted()), tmp_path) as runner:
        for thread in ("t", "T", "t ", "ü/1", "t" * 500):
            found = await runner.ainvoke(said("in"), thread_id=thread)
            assert found["log"] == ["in", "work saw 1"]


async def test_a_question_waits_over_a_restart(tmp_path: Path) -> None:
    before, graph = Counted("before"), asking("really?")
    async with on_disk(in_a_row(before=before, ask=graph), tmp_path) as runner:
        asked = await runner.ainvoke(said("in"), thread_id="t")
        assert [it.value for it in asked["__interrupt__"]] == ["really?"]
    async with on_disk(in_a_row(before=before, ask=graph), tmp_path) as runner:
        found = await runner.ainvoke(Command(resume="yes"), thread_id="t")
        assert found["log"] == ["in", "before saw 1", "yes"]
    assert before.runs == ["in"]


@pytest.mark.parametrize("requests_per_run", [1, 2, 50])
async def test_the_same_request_gets_the_same_answer_and_runs_once(
    requests_per_run: int, tmp_path: Path
) -> None:
    work = Counted()
    options = {"requests_per_run": requests_per_run}
    async with on_disk(in_a_row(work=work), tmp_path, **options) as runner:
        first, *others = await asyncio.gather(
            *(runner.ainvoke(said("a"), thread_id="t", request_id="a") for _ in range(5))
        )
        assert others == [first] * 4
        for name in "bcd":
            await runner.ainvoke(said(name), thread_id="t", request_id=name)
        assert await runner.ainvoke(said("a"), thread_id="t", request_id="a") == first
    async with on_disk(in_a_row(work=work), tmp_path, **options) as runner:
        assert await runner.ainvoke(said("a"), thread_id="t", request_id="a") == first
        # An id belongs to its thread.
        other = await runner.ainvoke(said("x", "y"), thread_id="other", request_id="a")
        assert other["log"] == ["x", "y", "work saw 2"]
    assert work.runs == ["a", "b", "c", "d", "y"]


async def test_a_failure_is_the_answer_too(tmp_path: Path) -> None:
    runs = []

    def fail(state: State) -> State:
        runs.append("fail")
        raise ValueError("no paper")

    async with on_disk(in_a_row(fail=fail), tmp_path) as runner:
        for _ in range(2):
            with pytest.raises(ValueError, match="no paper"):
                await runner.ainvoke(said("a"), thread_id="t", request_id="a")
    assert runs == ["fail"]


async def test_a_question_in_each_branch_waits_over_new_runs_of_the_thread() -> None:
    graph = at_once(one=asking("first?"), two=asking("second?"), work=Counted())
    async with on_manual_clock(graph, requests_per_run=1, keep_checkpoints=1) as (runner, env):
        asked = await runner.ainvoke(said("in"), thread_id="t")
        ids = {it.value: it.id for it in asked["__interrupt__"]}
        runs = {await _run_id(env)}
        for _ in range(3):
            state = await runner.aget_state(thread_id="t")
            assert {it.value for it in state.interrupts} == {"first?", "second?"}
            runs.add(await _run_id(env))
        assert len(runs) >= 3
        await runner.ainvoke(Command(resume={ids["second?"]: "2"}), thread_id="t")
        found = await runner.ainvoke(Command(resume={ids["first?"]: "1"}), thread_id="t")
        assert found["log"] == ["in", "1", "2", "work saw 1"]


async def test_a_thread_goes_on_after_a_year_of_silence() -> None:
    async with on_manual_clock(in_a_row(ask=asking("still?"))) as (runner, env):
        await runner.ainvoke(said("in"), thread_id="t")
        before = len(await env.client.get(None, THREAD).history())
        await env.advance(days=400)
        assert len(await env.client.get(None, THREAD).history()) == before
        found = await runner.ainvoke(Command(resume="still"), thread_id="t")
        assert found["log"] == ["in", "still"]


async def test_a_retry_waits_days_without_holding_anything() -> None:
    tries = []

    def work(state: State) -> State:
        tries.append(env.now)
        if len(tries) < 3:
            raise ConnectionError("come back later")
        return said("done")

    days = timedelta(days=2).total_seconds()
    retry = RetryPolicy(
        initial_interval=days, backoff_factor=2, max_interval=10 * days, max_attempts=3,
        jitter=False,
    )  # fmt: skip
    builder = StateGraph(State)
    builder.add_node("work", work, retry_policy=retry)
    builder.add_edge(START, "work")
    async with on_manual_clock(builder.compile()) as (runner, env):
        running = asyncio.create_task(runner.ainvoke(said(), thread_id="t"))
        while not tries:
            await asyncio.sleep(0.01)
        await env.settle()
        await env.advance(days=7)
        assert (await running)["log"] == ["done"]
    assert [later - tries[0] for later in tries] == [timedelta(days=it) for it in (0, 2, 6)]


async def test_a_hundred_threads_go_on_at_once(tmp_path: Path) -> None:
    work = Counted()
    async with on_disk(in_a_row(work=work, ask=asking("?")), tmp_path) as runner:
        names = [f"thread-{number}" for number in range(100)]
        await asyncio.gather(*(runner.ainvoke(said(it), thread_id=it) for it in names))
        found = await asyncio.gather(
            *(runner.ainvoke(Command(resume=f"for {it}"), thread_id=it) for it in names)
        )
    assert [each["log"] for each in found] == [[it, "work saw 1", f"for {it}"] for it in names]
    assert Counter(work.runs) == dict.fromkeys(names, 1)


async def test_a_run_without_a_thread_has_one_of_its_own(tmp_path: Path) -> None:
    async with on_disk(in_a_row(work=Counted()), tmp_path) as runner:
        found = await asyncio.gather(*(runner.ainvoke(said("in")) for _ in range(2)))
    assert [each["log"] for each in found] == [["in", "work saw 1"]] * 2


async def test_who_gives_up_waiting_finds_the_answer_later(tmp_path: Path) -> None:
    opened = asyncio.Event()

    async def wait(state: State) -> State:
        while not opened.is_set():
            await asyncio.sleep(0.01)
        return said("done")

    async with on_disk(in_a_row(wait=wait), tmp_path) as runner:
        ask: dict[str, Any] = {"thread_id": "t", "request_id": "a"}
        with pytest.raises(TimeoutError):
            await runner.ainvoke(said(), **ask, timeout=timedelta(seconds=0.3))
        opened.set()
        assert (await runner.ainvoke(said(), **ask))["log"] == ["done"]


async def _run_id(env: Any) -> str:
    history = await env.client.get(None, THREAD).history()
    (begun,) = (it for it in history if isinstance(it, WorkflowStarted))
    return str(begun.run_id)
