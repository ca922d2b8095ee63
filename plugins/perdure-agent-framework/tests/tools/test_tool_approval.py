"""Tool calls that wait for approval on records, in the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, Content, ToolApprovalMiddleware, tool
from agent_framework.orchestrations import HandoffBuilder, SequentialBuilder

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure.approvals import Approval, ApprovalState
from perdure.testing.scripted_model import when
from perdure_agent_framework.policies import ApprovalPolicy, Policies, ToolPolicy

if TYPE_CHECKING:
    from agent_kit.ways import Compare
    from perdure.testing import Environment
    from tools.conftest import Running

CALL = when(tool_results=0).calls("refund", order="17", amount=30)
TELL = when().says("told: {result}")


def refunding(setup: Setup, calls: list[tuple[str, int]], **options: Any) -> Agent[Any]:
    @tool(approval_mode="always_require")
    def refund(order: str, amount: int = 1) -> str:
        """Refund."""
        calls.append((order, amount))
        return f"refunded {amount}"

    return Agent(setup.client(), name="clerk", tools=[refund, *options.pop("tools", ())], **options)


def clerk_only(calls: list[tuple[str, int]], policies: Policies | None = None) -> Any:
    def build(setup: Setup) -> Scenario:
        agent = refunding(setup, calls)

        async def run() -> Any:
            return await agent.run("refund 17", session=agent.create_session(session_id="talk"))

        return Scenario(agents=(agent,), run=run, policies=policies)

    return build


async def waiting(env: Environment) -> list[Approval]:
    await env.settle()
    return [each async for each in env.client.approvals.list(state=ApprovalState.WAITING)]


async def test_a_call_waits_for_days_until_somebody_approves(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    async with running(clerk_only(calls), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        assert (asked.name, asked.agent, asked.tool) == ("refund", "clerk", "refund")
        assert (asked.session, asked.path) == ("talk", ("clerk",))
        assert asked.arguments == {"order": "17", "amount": 30}
        await env.advance(days=10)
        assert calls == []
        await env.client.approvals.approve(asked.id, by="ann")
        assert (await handle.result())["text"] == "told: refunded 30"
    assert calls == [("17", 30)]


async def test_a_denied_call_is_told_in_the_words_of_the_framework(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    async with running(clerk_only(calls), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        await env.client.approvals.deny(asked.id, by="ann", note="too much")
        told = (await handle.result())["text"]
    rejected = "Error: Tool call invocation was rejected by user."
    assert told == f"told: {rejected} Note: too much"
    assert calls == []


@pytest.mark.parametrize(("default", "made"), [("deny", []), ("approve", [("17", 30)])])
async def test_the_default_is_applied_at_the_deadline(
    running: Running, default: Any, made: list[tuple[str, int]]
) -> None:
    calls: list[tuple[str, int]] = []
    days = ApprovalPolicy(deadline=timedelta(days=3), default=default)
    policies = Policies(approval=days)
    async with running(clerk_only(calls, policies), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        await env.advance(days=2)
        assert len(await waiting(env)) == 1
        await env.advance(days=2)
        told = (await handle.result())["text"]
    assert calls == made
    assert made or told.endswith("rejected by user. Nobody answered in time.")


async def test_a_tool_may_have_a_deadline_of_its_own(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    soon = ToolPolicy(approval=ApprovalPolicy(deadline=timedelta(hours=1)))
    policies = Policies(tools={"refund": soon}, approval=ApprovalPolicy(deadline=timedelta(days=9)))
    async with running(clerk_only(calls, policies), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        await env.advance(hours=2)
        assert "rejected" in (await handle.result())["text"]


async def test_a_tool_of_two_agents_has_the_policy_of_the_one_that_calls(
    running: Running,
) -> None:
    calls: list[tuple[str, int]] = []
    soon = ToolPolicy(approval=ApprovalPolicy(deadline=timedelta(hours=1)))

    def build(setup: Setup) -> Scenario:
        scenario: Scenario = clerk_only(calls, Policies(tools={"clerk/refund": soon}))(setup)
        shared = scenario.agents[0].default_options["tools"]
        other = Agent(setup.client(), name="other", tools=list(shared))
        return replace(scenario, agents=(*scenario.agents, other))

    async with running(build, CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        await env.advance(hours=2)
        assert "rejected" in (await handle.result(timeout=timedelta(seconds=5)))["text"]


async def test_edited_arguments_are_used_and_the_transcript_says_so(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    async with running(clerk_only(calls), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        edited = {"order": "17", "amount": 5}
        await env.client.approvals.approve(asked.id, by="ann", arguments=edited, note="half")
        told = (await handle.result())["text"]
    assert calls == [("17", 5)]
    note = (
        '[Approved by ann, who changed the arguments to {"order": "17", "amount": 5}. Note: half]'
    )
    assert note in told
    assert "refunded 5" in told


async def test_arguments_that_only_python_calls_equal_were_edited(running: Running) -> None:
    calls: list[Any] = []

    def build(setup: Setup) -> Scenario:
        @tool(approval_mode="always_require")
        def set_flag(value: Any) -> str:
            """Set."""
            calls.append(value)
            return "set"

        agent = Agent(setup.client(), name="a", tools=[set_flag])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    async with running(build, when(tool_results=0).calls("set_flag", value=1), TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        await env.client.approvals.approve(asked.id, by="ann", arguments={"value": True})
        told = (await handle.result())["text"]
    assert [repr(value) for value in calls] == ["True"]
    assert 'changed the arguments to {"value": true}' in told


async def test_edited_arguments_that_do_not_fit_are_asked_about_again(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    async with running(clerk_only(calls), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        misfit = {"order": "17", "amount": "plenty"}
        await env.client.approvals.approve(asked.id, by="ann", arguments=misfit)
        (again,) = await waiting(env)
        assert again.id != asked.id
        assert "as ann edited them do not fit" in again.message
        await env.client.approvals.approve(again.id, by="bob")
        assert (await handle.result())["text"] == "told: refunded 30"
    assert calls == [("17", 30)]


async def test_other_calls_of_the_batch_go_on_meanwhile(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    looked: list[str] = []

    def build(setup: Setup) -> Scenario:
        def look(order: str) -> str:
            """Look."""
            looked.append(order)
            return "seen"

        agent = refunding(setup, calls, tools=[look])
        policies = Policies(max_parallel_tools=1)
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)

    call = when(tool_results=0).calls("refund", order="1").calls("refund", order="2")
    call = call.calls("look", order="1").calls("look", order="2")
    async with running(build, call, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        asked = await waiting(env)
        assert len(asked) == 2
        assert sorted(looked) == ["1", "2"]
        for each in asked:
            await env.client.approvals.approve(each.id, by="ann")
        await handle.result()
    assert sorted(calls) == [("1", 1), ("2", 1)]


async def test_it_bubbles_out_of_sub_agents_at_any_depth(running: Running) -> None:
    calls: list[tuple[str, int]] = []

    def build(setup: Setup) -> Scenario:
        clerk = refunding(setup, calls)
        lead = Agent(setup.client(), name="lead", tools=[clerk.as_tool()])
        boss = Agent(setup.client(), name="boss", tools=[lead.as_tool()])

        async def run() -> Any:
            return await boss.run("go", session=boss.create_session(session_id="talk"))

        return Scenario(agents=(boss,), run=run)

    rules = [
        when(tool_results=0, tools=["lead"]).calls("lead", task="do it"),
        when(tool_results=0, tools=["clerk"]).calls("clerk", task="do it"),
        when(tool_results=0, tools=["refund"]).calls("refund", order="17"),
    ]
    async with running(build, *rules, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        assert asked.path == ("boss", "lead", "clerk")
        assert (asked.agent, asked.session) == ("clerk", "talk")
        await env.client.approvals.approve(asked.id, by="ann")
        assert (await handle.result())["text"] == "told: told: told: refunded 1"


async def test_an_agent_that_is_a_tool_may_require_approval_itself(running: Running) -> None:
    def build(setup: Setup) -> Scenario:
        def look() -> str:
            """Look."""
            return "seen"

        inner = Agent(setup.client(), name="inner", tools=[look])
        outer = Agent(
            setup.client(), name="outer", tools=[inner.as_tool(approval_mode="always_require")]
        )
        return Scenario(agents=(outer,), run=lambda: outer.run("go"))

    rules = [
        when(tool_results=0, tools=["inner"]).calls("inner", task="do it"),
        when(tools=["look"], user="do it well").says("looked well"),
    ]
    async with running(build, *rules, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        assert asked.arguments == {"task": "do it"}
        edited = {"task": "do it well"}
        await env.client.approvals.approve(asked.id, by="ann", arguments=edited)
        told = (await handle.result())["text"]
    assert told.endswith("looked well")


@pytest.mark.parametrize("kind", ["sequence", "handoff"])
async def test_agents_in_orchestrations_wait_on_records_too(running: Running, kind: str) -> None:
    calls: list[tuple[str, int]] = []

    def build(setup: Setup) -> Scenario:
        if kind == "sequence":
            clerk = refunding(setup, calls)
            first = Agent(setup.client(), name="first", instructions="first")
        else:
            options: Any = {"require_per_service_call_history_persistence": True}
            clerk = refunding(setup, calls, **options)
            first = Agent(setup.client(), name="first", instructions="first", **options)

        async def run() -> Any:
            if kind == "sequence":
                flow = SequentialBuilder(participants=[first, clerk]).build()
            else:
                builder = HandoffBuilder(name="h", participants=[first, clerk])
                builder = builder.with_start_agent(first).add_handoff(first, [clerk])
                builder = builder.with_termination_condition(
                    lambda messages: any("refunded" in message.text for message in messages)
                )
                flow = builder.build()
            result = await flow.run("go")
            return [str(event) for event in result.get_outputs()]

        return Scenario(agents=(first, clerk), run=run)

    rules = [
        when(tools=["handoff_to_clerk"]).calls("handoff_to_clerk"),
        when(system="first").says("go on"),
        when(result="refunded").says("told: {result}"),
        when(tools=["refund"]).calls("refund", order="17"),
    ]
    async with running(build, *rules) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        assert asked.agent == "clerk"
        await env.client.approvals.approve(asked.id, by="ann")
        await handle.result()
    assert calls == [("17", 1)]


async def test_rules_of_the_frameworks_approval_middleware_still_approve(
    running: Running,
) -> None:
    calls: list[tuple[str, int]] = []

    def build(setup: Setup) -> Scenario:
        def is_small(call: Content) -> bool:
            arguments: Any = call.parse_arguments()
            return bool(arguments["amount"] < 10)

        small = ToolApprovalMiddleware(auto_approval_rules=[is_small])
        agent = refunding(setup, calls, middleware=[small])

        async def run() -> Any:
            return await agent.run("go", session=agent.create_session(session_id="talk"))

        return Scenario(agents=(agent,), run=run)

    call = when(tool_results=0).calls("refund", order="1", amount=9)
    async with running(build, call.calls("refund", order="2", amount=10), TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        assert asked.arguments == {"order": "2", "amount": 10}
        assert calls == [("1", 9)]
        await env.client.approvals.deny(asked.id, by="ann")
        await handle.result()
    assert calls == [("1", 9)]


async def test_what_was_once_approved_for_always_is_not_asked_again(running: Running) -> None:
    calls: list[tuple[str, int]] = []

    def build(setup: Setup) -> Scenario:
        agent = refunding(setup, calls, middleware=[ToolApprovalMiddleware()])

        async def run() -> Any:
            session = agent.create_session(session_id="talk")
            session.state["tool_approval"] = {"rules": [{"tool_name": "refund"}]}
            return await agent.run("go", session=session)

        return Scenario(agents=(agent,), run=run)

    async with running(build, CALL, TELL) as env:
        assert (await (await env.client.start(WORKFLOW)).result())["text"] == "told: refunded 30"


async def test_an_approval_that_is_closed_by_force_is_a_denial(running: Running) -> None:
    calls: list[tuple[str, int]] = []
    async with running(clerk_only(calls), CALL, TELL) as env:
        handle = await env.client.start(WORKFLOW)
        (asked,) = await waiting(env)
        await env.client.get(None, asked.id).terminate(reason="not wanted")
        assert "rejected by user" in (await handle.result())["text"]
    assert calls == []


async def test_without_records_the_framework_asks_the_caller(compare: Compare) -> None:
    calls: list[tuple[str, int]] = []

    def build(setup: Setup) -> Scenario:
        agent = refunding(setup, calls)

        async def run() -> Any:
            return await agent.run("go", session=agent.create_session(session_id="talk"))

        policies = Policies(tools={"refund": ToolPolicy(approval=ApprovalPolicy(mode="return"))})
        return Scenario(agents=(agent,), run=run, policies=policies)

    played = await compare(build, CALL, TELL)
    assert len(played.model_calls) == 1
    assert calls == []
