"""Budgets of tool calls, and agents whose tools changed while they slept."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, tool

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure.approvals import ApprovalState
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import Budget, Policies
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


async def test_time_spent_waiting_for_approval_counts(running: Running) -> None:
    calls: list[str] = []

    def build(setup: Setup) -> Scenario:
        @tool(approval_mode="always_require")
        def pay(order: str) -> str:
            """Pay."""
            calls.append(order)
            return "paid"

        agent = Agent(setup.client(), name="a", tools=[pay])
        policies = Policies(budget=Budget(wall_clock=timedelta(days=2)))
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)

    async with running(build, when(tool_results=0).calls("pay", order="7"), TELL) as env:
        handle = await env.client.start(WORKFLOW)
        await env.advance(days=3)
        approvals = env.client.approvals
        (asked,) = [each async for each in approvals.list(state=ApprovalState.WAITING)]
        await approvals.approve(asked.id, by="ann")
        outcome = await handle.result()
    assert outcome["raised"] == "BudgetExceededError"
    assert calls == []


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
