"""Skills, to-do lists and the like: what context providers bring that compute only."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    AgentModeProvider,
    AgentResponse,
    BackgroundAgentsProvider,
    BaseAgent,
    InlineSkill,
    Message,
    MessageInjectionMiddleware,
    SkillFrontmatter,
    SkillsProvider,
    TodoProvider,
    ToolApprovalMiddleware,
    create_harness_agent,
    enqueue_messages,
    tool,
)
from agent_framework_orchestrations import SequentialBuilder

import perdure
from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import when
from perdure_agent_framework.policies import ApprovalPolicy, Policies

if TYPE_CHECKING:
    from agent_kit.ways import Compare

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


async def test_a_list_of_things_to_do(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", context_providers=[TodoProvider()])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("plan", "tell")]
            return [*answers, session.state["todo"]]

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build,
        when(user="plan", tool_results=0).calls("todos_add", todos=[{"title": "one"}]),
        when(user="tell", tool_results=0).calls("todos_get_all"),
        when().says("{result}"),
    )
    assert "one" in played.outcome[1]["text"]


async def test_modes_of_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", context_providers=[AgentModeProvider()])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            return [await agent.run("go", session=session), session.state]

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build, when(tool_results=0).calls("mode_set", mode="execute"), when().says("{result}")
    )
    assert "execute" in played.outcome[0]["text"]


async def test_skills_in_memory(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        skill = InlineSkill(
            frontmatter=SkillFrontmatter(name="tea", description="How to make tea."),
            instructions="Boil water first.",
        )
        provider = SkillsProvider([skill], disable_load_skill_approval=True)
        agent = Agent(setup.client(), name="a", context_providers=[provider])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(
        build, when(tool_results=0).calls("load_skill", skill_name="tea"), when().says("{result}")
    )
    assert "Boil water first." in played.outcome["text"]


async def test_messages_put_in_while_an_agent_runs(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(
            setup.client(),
            name="a",
            tools=[looking_up(setup)],
            middleware=[MessageInjectionMiddleware()],
        )

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            enqueue_messages(session, [Message("user", ["and be kind"])])
            return [await agent.run("go", session=session), session.to_dict()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build,
        when(user="kind", tool_results=0).calls("look_up", question="q"),
        when().says("{result}"),
    )
    assert played.outcome[0]["text"] == "q: 42"


async def test_approvals_given_by_rule(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        refund = tool(looking_up(setup), approval_mode="always_require")
        agent = Agent(
            setup.client(),
            name="a",
            tools=[refund],
            middleware=[ToolApprovalMiddleware(auto_approval_rules=[lambda call: True])],
        )

        async def run() -> Any:
            return await agent.run("go", session=agent.create_session(session_id="s"))

        policies = Policies(approval=ApprovalPolicy(mode="return"))
        return Scenario(agents=(agent,), run=run, policies=policies)

    played = await compare(
        build, when(tool_results=0).calls("look_up", question="q"), when().says("{result}")
    )
    assert played.outcome["text"] == "q: 42"


class Shouting(BaseAgent):
    """An agent of somebody's own, without a chat client: plain code."""

    async def run(self, messages: Any = None, **_: Any) -> Any:
        text = messages[-1].text if isinstance(messages, list) else str(messages)
        return AgentResponse(messages=[Message("assistant", [text.upper()])])


async def test_agents_of_ones_own_that_compute(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            loud: Any = Shouting(name="loud")
            graph = SequentialBuilder(participants=[agent, loud]).build()
            return [spoken(out.messages) for out in (await graph.run("go")).get_outputs()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build, when(tool_results=0).calls("look_up", question="q"), when().says("{result}")
    )
    assert "Q: 42" in str(played.outcome)


class Remote(BaseAgent):
    """An agent elsewhere (A2A and the like): plain code that calls an activity of the app's own."""

    def __init__(self, ask: Any, name: str) -> None:
        super().__init__(name=name)
        self._ask = ask

    async def run(self, messages: Any = None, **_: Any) -> Any:
        text = await self._ask(messages[-1].text)
        return AgentResponse(messages=[Message("assistant", [text])])


async def test_an_agent_elsewhere_called_by_an_activity_of_ones_own() -> None:
    app = perdure.App("x")
    asked: list[str] = []

    @app.activity
    async def ask_elsewhere(text: str) -> str:
        asked.append(text)
        await asyncio.to_thread(len, text)  # I/O is fine here
        return f"answer to {text}"

    @app.workflow
    async def work() -> list[str]:
        remote: Any = Remote(ask_elsewhere, "remote")
        graph = SequentialBuilder(participants=[remote]).build()
        return [out.text for out in (await graph.run("go")).get_outputs()]

    async with run_in_memory(app) as env:
        handle = await env.client.start(work)
        assert await handle.result() == ["answer to go"]
    assert asked == ["go"]


async def test_an_agent_with_the_whole_harness(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = create_harness_agent(
            setup.client(),
            name="a",
            tools=[looking_up(setup)],
            disable_web_search=True,
            disable_file_memory=True,
        )

        async def run() -> Any:
            return await agent.run("go", session=agent.create_session(session_id="s"))

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build,
        when(tool_results=0).calls("todos_add", todos=[{"title": "one"}]),
        when(tool_results=1).calls("look_up", question="q"),
        when().says("{result}"),
    )
    assert played.outcome["text"] == "q: 42"


async def test_agents_in_the_background(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        helper = Agent(
            setup.client(),
            "you dig",
            name="helper",
            description="Helps.",
            tools=[looking_up(setup)],
        )
        provider = BackgroundAgentsProvider([helper])
        boss = Agent(setup.client(), "boss", name="boss", context_providers=[provider])

        async def run() -> Any:
            return await boss.run("go", session=boss.create_session(session_id="s"))

        # What runs in the background then runs in the workflow, and ends with it.
        policies = Policies(inline_providers=frozenset({"background_agents"}))
        return Scenario(agents=(boss, helper), run=run, policies=policies)

    start: dict[str, Any] = {"agent_name": "helper", "input": "dig", "description": "d"}
    played = await compare(
        build,
        when(system="you dig", tool_results=0).calls("look_up", question="q"),
        when(system="you dig").says("dug: {result}"),
        when(tool_results=0).calls("background_agents_start_task", **start),
        when(tool_results=1).calls("background_agents_wait_for_first_completion", task_ids=[1]),
        when(tool_results=2).calls("background_agents_get_task_results", task_id=1),
        when().says("{result}"),
    )
    assert "dug: q: 42" in played.outcome["text"]
