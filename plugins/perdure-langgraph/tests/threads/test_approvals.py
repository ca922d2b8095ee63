"""Interrupts that people approve while the run waits, on durable records."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.types import Command
from threads.desk import Counted, State, asking, at_once, in_a_row, on_disk, on_manual_clock, said

from perdure import ApprovalExpiredError
from perdure_langgraph import GraphApproval
from perdure_langgraph.threads.requests import thread_instance_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import perdure
    from perdure.approvals import Approval, ApprovalDecision, ApprovalState
    from perdure.testing import Environment

CLAIM = {"message": "pay the claim?", "arguments": {"euros": 480}, "claim": 17}


async def waiting(client: perdure.Client, number: int = 1) -> list[Approval]:
    """Return the approvals that wait, oldest name first, once there are so many."""
    while True:
        found = [it async for it in client.approvals.list(state="waiting")]
        if len(found) >= number:
            return sorted(found, key=lambda it: (it.name, str(it.arguments)))
        await asyncio.sleep(0.02)


def pay() -> Any:
    return in_a_row(before=Counted("before"), pay=asking(CLAIM))


async def cli(folder: Path, *words: str) -> Any:
    """Run a command of perdure in a process of its own; return what it prints, as JSON."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "perdure", "--backend", f"sqlite:///{folder / 'desk.db'}"),
        *(*words, "-o", "json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_command_line_lists_and_answers_what_a_graph_asks(tmp_path: Path) -> None:
    async with on_disk(pay(), tmp_path, approvals=True) as runner:
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="claim-17"))
        while not (listed := await cli(tmp_path, "approvals", "list")):
            assert not run.done()
        (shown,) = listed
        found = await cli(tmp_path, "approvals", "show", shown["id"])
        found = found[0] if isinstance(found, list) else found
        assert (found["message"], found["arguments"]) == ("pay the claim?", {"euros": 480})
        assert (found["agent"], found["session"], found["path"]) == ("desk", "claim-17", ["pay"])
        thread = thread_instance_id("desk", "claim-17")
        assert await cli(tmp_path, "approvals", "list", "--root", thread) == listed
        await cli(tmp_path, "approvals", "approve", shown["id"], "--by", "ann")
        assert (await run)["log"] == ["in", "before saw 1", True]


@pytest.mark.parametrize(
    ("verdict", "edited", "answer"),
    [("approve", None, True), ("approve", {"euros": 20}, {"euros": 20}), ("deny", None, False)],
)
async def test_what_was_decided_is_what_the_interrupt_returns(
    verdict: str, edited: Any, answer: Any
) -> None:
    async with on_manual_clock(pay(), approvals=True) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        (asked,) = await waiting(env.client)
        await env.advance(days=30)
        options = {} if edited is None else {"arguments": edited}
        await getattr(env.client.approvals, verdict)(asked.id, by="ann", **options)
        assert (await run)["log"] == ["in", "before saw 1", answer]


async def test_a_restart_asks_nothing_anew_and_runs_nothing_again(tmp_path: Path) -> None:
    before = Counted("before")
    graph = in_a_row(before=before, one=asking("one?"), two=asking("two?"))
    ask: dict[str, Any] = {"input": said("in"), "thread_id": "t", "request_id": "r"}
    async with on_disk(graph, tmp_path, approvals=True) as runner:
        run = asyncio.create_task(runner.ainvoke(**ask))
        async with runner._connected() as client:
            (first,) = await waiting(client)
        run.cancel()
        await asyncio.wait([run])
    async with on_disk(graph, tmp_path, approvals=True) as runner:
        run = asyncio.create_task(runner.ainvoke(**ask))
        async with runner._connected() as client:
            assert [it.id for it in await waiting(client)] == [first.id]
            await client.approvals.approve(first.id, by="ann")
            (second,) = await waiting(client)
            assert (first.message, second.message) == ("one?", "two?")
            await client.approvals.deny(second.id, by="ann")
        assert (await run)["log"] == ["in", "before saw 1", True, False]
    assert before.runs == ["in"]


async def test_branches_ask_at_once_and_go_on_when_all_are_decided() -> None:
    graph = at_once(one=asking("1?"), two=asking("2?"), work=Counted())
    async with on_manual_clock(graph, approvals=True) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        one, two = await waiting(env.client, 2)
        assert (one.path, two.path) == (("one",), ("two",))
        await env.client.approvals.deny(two.id, by="ann")
        await env.settle()
        assert not run.done()
        await env.client.approvals.approve(one.id, by="bob")
        assert (await run)["log"] == ["in", True, False, "work saw 1"]


async def test_a_sub_graph_says_through_which_nodes_it_asks() -> None:
    graph = in_a_row(outer=in_a_row(inner=asking(CLAIM)))
    async with on_manual_clock(graph, approvals=True) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        (asked,) = await waiting(env.client)
        assert (asked.name, asked.path) == ("inner", ("outer", "inner"))
        await env.client.approvals.approve(asked.id, by="ann")
        assert (await run)["log"][-1] is True


async def test_a_node_that_asks_twice_gets_both_answers() -> None:
    from langgraph.types import interrupt

    def ask(state: State) -> State:
        return said(interrupt("sure?"), interrupt("really sure?"))

    async with on_manual_clock(in_a_row(ask=ask), approvals=True) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        for message, verdict in (("sure?", "approve"), ("really sure?", "deny")):
            (asked,) = await waiting(env.client)
            assert asked.message == message
            await getattr(env.client.approvals, verdict)(asked.id, by="ann")
        assert (await run)["log"] == ["in", True, False]


@pytest.mark.parametrize(("default", "answer"), [("approve", True), ("deny", False)])
async def test_a_deadline_decides_by_the_rule_of_the_node(default: Any, answer: bool) -> None:
    rule = GraphApproval(deadline=timedelta(days=3), default=default)
    async with on_manual_clock(pay(), approvals={"pay": rule}) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        await waiting(env.client)
        await env.advance(days=2, hours=23)
        assert not run.done()
        await env.advance(hours=1)
        assert (await run)["log"][-1] is answer


async def test_a_deadline_that_fails_closes_the_others_and_keeps_the_questions_open() -> None:
    rules = {
        "one": GraphApproval(deadline=timedelta(days=1), default="fail"),
        "two": GraphApproval(),
    }
    graph = at_once(one=asking("1?"), two=asking("2?"))
    async with on_manual_clock(graph, approvals=rules) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        await waiting(env.client, 2)
        await env.advance(days=1)
        with pytest.raises(ApprovalExpiredError, match="deadline"):
            await run
        await env.settle()
        assert await _states(env) == {"one": "expired", "two": "closed"}
        state = await runner.aget_state(thread_id="t")
        answers = {it.id: f"for {it.value}" for it in state.interrupts}
        found = await runner.ainvoke(Command(resume=answers), thread_id="t")
        assert found["log"] == ["in", "for 1?", "for 2?"]


async def test_only_the_nodes_of_the_mapping_wait_and_only_their_approvers_may_answer() -> None:
    rules = {"one": GraphApproval(approvers=("ann",))}
    graph = at_once(one=asking("1?"), two=asking("2?"))
    async with on_manual_clock(graph, approvals=rules) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        (asked,) = await waiting(env.client)
        with pytest.raises(PermissionError):
            await env.client.approvals.approve(asked.id, by="bob")
        await env.client.approvals.approve(asked.id, by="ann")
        (left,) = (await run)["__interrupt__"]
        assert left.value == "2?"
        found = await runner.ainvoke(Command(resume={left.id: "yes"}), thread_id="t")
        assert found["log"] == ["in", True, "yes"]


async def test_a_function_of_the_user_makes_the_answer() -> None:
    def resume(value: Any, decision: ApprovalDecision) -> str:
        return f"{value['claim']}: {decision.by} says {decision.note}"

    rules = {"pay": GraphApproval(resume=resume)}
    async with on_manual_clock(pay(), approvals=rules) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        (asked,) = await waiting(env.client)
        await env.client.approvals.approve(asked.id, by="ann", note="fine")
        assert (await run)["log"][-1] == "17: ann says fine"


async def test_a_run_that_is_cancelled_while_it_waits_closes_its_record() -> None:
    async with on_manual_clock(pay(), approvals=True) as (runner, env):
        run = asyncio.create_task(runner.ainvoke(said("in"), thread_id="t"))
        await waiting(env.client)
        await runner.cancel("t")
        with pytest.raises(asyncio.CancelledError):
            await run
        await env.settle()
        assert await _states(env) == {"pay": "closed"}
        # The question is still the graph's.
        found = await runner.ainvoke(Command(resume="later"), thread_id="t")
        assert found["log"] == ["in", "before saw 1", "later"]


async def test_a_stream_goes_on_after_the_decision() -> None:
    async with on_manual_clock(pay(), approvals=True) as (runner, env):

        async def decide() -> None:
            (asked,) = await waiting(env.client)
            await env.client.approvals.approve(asked.id, by="ann")

        deciding = asyncio.create_task(decide())
        chunks: AsyncIterator[Any] = runner.astream(said("in"), thread_id="t")
        found = [next(iter(chunk)) async for chunk in chunks]
        await deciding
        assert found == ["before", "__interrupt__", "pay"]


async def test_a_fork_that_asks_goes_on_from_the_fork() -> None:
    async def decided(run: Any, env: Environment, verdict: str) -> Any:
        running = asyncio.create_task(run)
        (asked,) = await waiting(env.client)
        await getattr(env.client.approvals, verdict)(asked.id, by="ann")
        return (await running)["log"]

    async with on_manual_clock(pay(), approvals=True) as (runner, env):
        first = await decided(runner.ainvoke(said("in"), thread_id="t"), env, "approve")
        history = [it async for it in runner.aget_state_history(thread_id="t")]
        start = next(it for it in history if it.next == ("pay",))
        second = await decided(runner.ainvoke(None, start.config), env, "deny")
        assert (first[-1], second) == (True, ["in", "before saw 1", False])


@pytest.mark.parametrize("wrong", ["pay", {"pay": True}, 1])
async def test_approvals_that_are_no_rules_are_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="mapping of nodes to GraphApproval"):
        async with on_disk(pay(), tmp_path, approvals=wrong):
            pass


async def _states(env: Environment) -> dict[str, ApprovalState]:
    return {it.name: it.state async for it in env.client.approvals.list()}
