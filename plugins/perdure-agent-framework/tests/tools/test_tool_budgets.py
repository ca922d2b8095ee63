"""Budgets of tool calls, and agents whose tools changed while they slept."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, tool

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure.approvals import ApprovalState
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import ApprovalPolicy, Budget, Policies, ToolPolicy
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from pathlib import Path

    from tools.conftest import Running

TELL = when().says("told: {result}")


@pytest.mark.parametrize("depth", [0, 1, 2])
async def test_a_run_that_calls_too_many_tools_ends_at_any_depth(
    running: Running, depth: int
) -> None:
    calls: list[int] = []

    def build(setup: Setup) -> Scenario:
        async def work(number: int) -> str:
            """Work."""
            calls.append(number)
            return "again"

        agent = Agent(setup.client(), name="agent0", tools=[work])
        for level in range(1, depth + 1):
            agent = Agent(setup.client(), name=f"agent{level}", tools=[agent.as_tool()])
        # An agent that is a tool counts as a call, too.
        policies = Policies(budget=Budget(tool_calls=3 + depth))
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)

    rules = [
        when(tools=["work"]).calls("work", number=1).calls("work", number=2),
        *(when(tools=[f"agent{level}"]).calls(f"agent{level}", task="go") for level in range(2)),
    ]
    async with running(build, *rules) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["raised"] == "BudgetExceededError"
    assert f"budget of {3 + depth} tool_calls" in outcome["text"]
    assert sorted(calls) in ([1, 1, 2], [1, 2])


def paying(setup: Setup, calls: list[str], policies: Policies) -> Scenario:
    @tool(approval_mode="always_require")
    def pay(order: str) -> str:
        """Pay."""
        calls.append(order)
        return "paid"

    agent = Agent(setup.client(), name="a", tools=[pay])
    return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)


@pytest.mark.parametrize("default", ["deny", "approve"])
async def test_a_wait_for_approval_ends_with_the_runs_time(running: Running, default: Any) -> None:
    calls: list[str] = []
    policies = Policies(
        budget=Budget(wall_clock=timedelta(days=2)),
        approval=ApprovalPolicy(deadline=timedelta(days=9), default=default),
    )
    rules = [when(tool_results=0).calls("pay", order="7"), TELL]
    async with running(lambda setup: paying(setup, calls, policies), *rules) as env:
        handle = await env.client.start(WORKFLOW)
        await env.settle()
        (asked,) = [it async for it in env.client.approvals.list(state=ApprovalState.WAITING)]
        assert asked.deadline == env.now + timedelta(days=2)
        await env.advance(days=3)
        outcome = await handle.result(timeout=timedelta(seconds=5))
        decided = await env.client.approvals.get(asked.id)
    assert outcome["raised"] == "BudgetExceededError"
    assert "budget of 172800 s wall_clock" in outcome["text"]
    assert (decided.state, decided.decision and decided.decision.is_default) == (
        ApprovalState.APPROVED if default == "approve" else ApprovalState.DENIED,
        True,
    )
    assert calls == []


async def test_an_approval_with_less_time_than_the_run_keeps_its_deadline(
    running: Running,
) -> None:
    policies = Policies(
        budget=Budget(wall_clock=timedelta(days=2)),
        approval=ApprovalPolicy(deadline=timedelta(days=1)),
    )
    rules = [when(tool_results=0).calls("pay", order="7"), TELL]
    async with running(lambda setup: paying(setup, [], policies), *rules) as env:
        handle = await env.client.start(WORKFLOW)
        await env.advance(days=1)
        outcome = await handle.result(timeout=timedelta(seconds=5))
    assert outcome["text"].endswith("Nobody answered in time.")


async def test_asking_whether_a_call_took_place_ends_with_the_runs_time(running: Running) -> None:
    def build(setup: Setup) -> Scenario:
        async def pay(order: str) -> str:
            """Pay, and never come back."""
            await asyncio.Event().wait()
            return order

        agent = Agent(setup.client(), name="a", tools=[pay])
        once = ToolPolicy(
            delivery="at_most_once",
            on_outcome_unknown="ask_human",
            timeout=timedelta(milliseconds=50),
        )
        policies = Policies(tools={"pay": once}, budget=Budget(wall_clock=timedelta(days=2)))
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)

    async with running(build, when(tool_results=0).calls("pay", order="7"), TELL) as env:
        handle = await env.client.start(WORKFLOW)
        await first_waiting(env.client)
        await env.advance(days=2)
        outcome = await handle.result(timeout=timedelta(seconds=5))
    assert outcome["raised"] == "BudgetExceededError"


def shop(folder: Path, url: str, *, has_tool: bool, calls: list[str]) -> perdure.App:
    """Return an app as a deployment has it: with the tool, or without."""

    @tool(approval_mode="always_require")
    def pay(order: str) -> str:
        """Pay."""
        calls.append(order)
        return "paid"

    def other() -> str:
        """Do nothing."""
        return "nothing"

    agent = Agent(Setup(url=url).client(), name="a", tools=[pay, other] if has_tool else [other])
    app = perdure.App("shop", backend=f"sqlite:///{folder / 'perdure.db'}")
    register(app, agent)

    @app.workflow
    async def ask(question: str) -> str:
        return (await agent.run(question)).text

    return app


async def first_waiting(client: perdure.Client) -> Any:
    while True:
        async for each in client.approvals.list(state=ApprovalState.WAITING):
            return each


async def test_an_approval_outlives_the_worker(tmp_path: Path) -> None:
    calls: list[str] = []
    rules = [when(tool_results=0).calls("pay", order="7"), TELL]
    async with ScriptedModel(rules) as model:
        async with shop(tmp_path, model.url, has_tool=True, calls=calls).run() as client:
            handle = await client.start("ask", "pay")
            await first_waiting(client)
        async with shop(tmp_path, model.url, has_tool=True, calls=calls).run() as client:
            asked = await first_waiting(client)
            await client.approvals.approve(asked.id, by="ann")
            assert await client.get(None, handle.instance_id).result() == "told: paid"
    assert calls == ["7"]


async def test_a_run_that_wakes_without_its_tool_goes_on_and_the_model_is_told(
    tmp_path: Path,
) -> None:
    calls: list[str] = []
    rules = [when(tool_results=0).calls("pay", order="7"), TELL]
    async with ScriptedModel(rules) as model:
        async with shop(tmp_path, model.url, has_tool=True, calls=calls).run() as client:
            instance_id = (await client.start("ask", "pay")).instance_id
            asked = await first_waiting(client)
        async with shop(tmp_path, model.url, has_tool=False, calls=calls).run() as client:
            await client.approvals.approve(asked.id, by="ann")
            told = await client.get(None, instance_id).result(timeout=timedelta(seconds=20))
    assert told == 'told: Error: Requested function "pay" not found.'
    assert calls == []
