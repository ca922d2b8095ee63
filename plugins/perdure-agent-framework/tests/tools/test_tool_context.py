"""What tools learn of their call, and what they may change there."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, FunctionInvocationContext, tool

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW
from perdure import RetryPolicy
from perdure.testing.scripted_model import when
from perdure_agent_framework.policies import Policies, ToolPolicy

if TYPE_CHECKING:
    from agent_kit.ways import Compare
    from tools.conftest import Running

TELL = when().says("told: {result}")
AT_ONCE = RetryPolicy(max_attempts=3, initial_interval=timedelta())


async def test_attempts_of_one_call_share_a_key_that_other_calls_do_not_have(
    running: Running,
) -> None:
    seen: list[tuple[str, str, str, int]] = []

    @tool
    def pay(amount: str, context: FunctionInvocationContext) -> str:
        """Pay."""
        activity = perdure.current_activity()
        key = context.metadata["idempotency_key"]
        seen.append((amount, key, activity.idempotency_key, activity.attempt))
        if len(seen) < 3:
            raise ConnectionError("try again")
        return "paid"

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[pay])
        policies = Policies(tool=ToolPolicy(retry=AT_ONCE))
        return Scenario(agents=(agent,), run=lambda: agent.run("go"), policies=policies)

    rules = [when(tool_results=0).calls("pay", amount="1"), TELL]
    rules.insert(1, when(tool_results=1).calls("pay", amount="2"))
    async with running(build, *rules) as env:
        await (await env.client.start(WORKFLOW)).result()
    first, second = [call for call in seen if call[0] == "1"], seen[3:]
    assert [call[3] for call in first] == [1, 2, 3]
    assert len({key for call in first for key in call[1:3]}) == 1
    assert second[0][1] not in {call[1] for call in first}


async def test_tools_change_the_state_of_the_session(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def remember(key: str, value: str, context: FunctionInvocationContext) -> str:
            """Remember."""
            assert context.session is not None
            setup.recording.tool_called("remember", key=key, value=value)
            context.session.state.pop("draft", None)
            context.session.state.setdefault("notes", {})[key] = value
            return f"in {context.session.session_id}"

        agent = Agent(setup.client(), name="a", tools=[remember])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            session.state.update(draft=1, notes={"was": "here"})
            response = await agent.run("go", session=session)
            return [response, session.state["notes"], "draft" in session.state]

        return Scenario(agents=(agent,), run=run)

    calls = when(tool_results=0).calls("remember", key="a", value="1")
    calls = calls.calls("remember", key="b", value="2")
    played = await compare(build, calls, TELL)
    assert played.outcome[1:] == [{"was": "here", "a": "1", "b": "2"}, False]


async def test_calls_at_once_both_add_to_a_list_of_the_session(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        def add(item: str, context: FunctionInvocationContext) -> str:
            """Add."""
            assert context.session is not None
            setup.recording.tool_called("add", item=item)
            context.session.state.setdefault("cart", []).append(item)
            return "added"

        agent = Agent(setup.client(), name="a", tools=[add])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            session.state["cart"] = ["bread"]
            await agent.run("go", session=session)
            return sorted(session.state["cart"])

        return Scenario(agents=(agent,), run=run)

    calls = when(tool_results=0).calls("add", item="tea").calls("add", item="milk")
    played = await compare(build, calls, TELL)
    assert played.outcome == ["bread", "milk", "tea"]


async def test_messages_of_the_conversation_are_not_sent_along(running: Running) -> None:
    seen: list[dict[str, Any]] = []

    def look(context: FunctionInvocationContext) -> str:
        """Look."""
        assert context.session is not None
        seen.append(dict(context.session.state))
        return "seen"

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[look])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            session.state["color"] = "blue"
            await agent.run("a secret", session=session)
            await agent.run("again", session=session)
            return len(session.state["in_memory"]["messages"])

        return Scenario(agents=(agent,), run=run)

    rules = [when(tool_results=0).calls("look"), TELL]
    async with running(build, *rules) as env:
        assert await (await env.client.start(WORKFLOW)).result() == 8
    assert seen == [{"color": "blue"}, {"color": "blue"}]


def using(context_use: Any, *, keywords: dict[str, Any] | None = None) -> Any:
    def build(setup: Setup) -> Scenario:
        def use(context: FunctionInvocationContext) -> str:
            """Use."""
            return str(context_use(context))

        agent = Agent(setup.client(), name="a", tools=[use])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            options: dict[str, Any] = {"function_invocation_kwargs": keywords}
            return await agent.run("go", session=session, **options)

        return Scenario(agents=(agent,), run=run)

    return build


CANNOT = [
    (using(lambda context: context.add_tools([print])), "add_tools"),
    (using(lambda context: context.remove_tools("use")), "remove_tools"),
    (using(lambda context: len(context.tools)), "context.tools"),
    (using(lambda context: context.session.state.update(it={1, 2})), "'it' of session.state"),
    (using(lambda context: 0, keywords={"db": object()}), "'db' of function_invocation_kwargs"),
    (using(lambda context: 0, keywords={"at": (1, 2)}), "'at' of function_invocation_kwargs"),
]


@pytest.mark.parametrize(("build", "named"), CANNOT, ids=[named for _, named in CANNOT])
async def test_what_cannot_cross_ends_the_run_and_is_named(
    running: Running, build: Any, named: str
) -> None:
    async with running(build, when(tool_results=0).calls("use"), TELL) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["raised"] in {"AgentRunError", "NotDurableError"}
    assert named in outcome["text"]
    assert "'use'" in outcome["text"]
