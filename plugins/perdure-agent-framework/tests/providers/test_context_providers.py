"""Context providers that do I/O: in workflows what they do is done in activities."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    BackgroundAgentsProvider,
    ContextProvider,
    FunctionInvocationContext,
    SessionContext,
)

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import play_on_engine, play_plainly
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.policies import Policies, ProviderPolicy
from providers.notebooks import Notebook

if TYPE_CHECKING:
    from pathlib import Path

    from agent_kit.scenarios import Build
    from agent_kit.ways import Compare, Played

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")

WRITES: list[Rule] = [
    when(tool_results=0).calls("write", line="x"),
    when().says("{result}"),
]


def with_provider(provider: Any, policies: Policies | None = None) -> Build:
    """Make an agent with a provider, and run it in a session."""

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", context_providers=[provider()])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            return [await agent.run("go", session=session), session.state]

        return Scenario(agents=(agent,), run=run, policies=policies)

    return build


async def play_durably(build: Build, *rules: Rule) -> Played:
    async with ScriptedModel(list(rules) or WRITES) as model:
        return await play_on_engine(build, model.url)


async def test_messages_instructions_tools_and_state_of_a_provider_with_a_file(
    tmp_path: Path,
) -> None:
    numbers = itertools.count()

    def build(setup: Setup) -> Scenario:
        path = tmp_path / f"notebook-{next(numbers)}"
        agent = Agent(setup.client(), name="a", context_providers=[Notebook(path)])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            return [*answers, session.state["notebook"]]

        return Scenario(agents=(agent,), run=run)

    rules = [
        when(user="one", tool_results=0).calls("write", line="x"),
        when(user="two", tool_results=0).calls("write", line="y"),
        when().says("{result}"),
    ]
    async with ScriptedModel(rules) as model:
        plain = await play_plainly(build, model.url)
        durable = await play_on_engine(build, model.url)
    assert durable.outcome == plain.outcome
    assert durable.model_calls == plain.model_calls
    assert durable.outcome[-1] == {"runs": 2, "lines": ["x", "y"], "answered": ["two"]}
    texts = [(tmp_path / f"notebook-{n}").read_text(encoding="utf-8") for n in range(2)]
    assert texts[0] == texts[1]
    assert texts[0].startswith("x;answered 1 lines in run 1 of s;")


class Guarding(ContextProvider):
    """Adds a middleware to runs."""

    def __init__(self) -> None:
        super().__init__("guard")

    async def before_run(self, *, context: SessionContext, **_: Any) -> None:
        async def shout(call: FunctionInvocationContext, call_next: Any) -> None:
            await call_next()
            call.result = str(call.result).upper()

        context.extend_middleware(self.source_id, [shout])


async def test_middleware_of_a_provider_is_refused_with_what_to_do() -> None:
    played = await play_durably(with_provider(Guarding), when().says("hello"))
    assert played.outcome["raised"] == "NotDurableError"
    assert "the middleware that context provider 'guard' adds" in played.outcome["text"]
    assert "Agent(middleware=[…])" in played.outcome["text"]
    assert "Policies(inline_providers={'guard'})" in played.outcome["text"]


async def test_a_provider_that_is_declared_to_compute_only_runs_in_the_workflow(
    compare: Compare,
) -> None:
    policies = Policies(inline_providers={"guard"})
    played = await compare(with_provider(Guarding, policies), when().says("hello"))
    assert played.outcome[0]["text"] == "hello"


class Remembering(ContextProvider):
    """Puts into the state what is no JSON."""

    def __init__(self) -> None:
        super().__init__("memory")

    async def before_run(self, *, state: dict[str, Any], **_: Any) -> None:
        state["seen"] = {1, 2}


@pytest.mark.filterwarnings("ignore:AgentSession state value")
async def test_state_that_cannot_be_stored_is_refused_by_name() -> None:
    played = await play_durably(with_provider(Remembering), when().says("hello"))
    assert played.outcome["raised"] == "NotDurableError"
    assert "'memory' of session.state" in played.outcome["text"]
    assert "context provider 'memory'" in played.outcome["text"]


class Failing(ContextProvider):
    """Fails, the first time or always."""

    def __init__(self, failures: int) -> None:
        super().__init__("failing")
        self.failures = failures

    async def before_run(self, *, context: SessionContext, **_: Any) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("the disk is gone")
        context.extend_instructions(self.source_id, "the disk is back")


async def test_a_provider_that_fails_is_tried_again_and_then_fails_the_run() -> None:
    once = Policies(provider=ProviderPolicy(retry=Policies().tool.retry))
    failed = await play_durably(with_provider(lambda: Failing(1), once), when().says("hello"))
    assert failed.outcome["raised"] == "ActivityError"
    assert "the disk is gone" in failed.outcome["text"]


async def test_agents_in_the_background_are_refused_unless_declared() -> None:
    def build(setup: Setup) -> Scenario:
        helper = Agent(setup.client(), name="helper")
        provider = BackgroundAgentsProvider([helper])
        agent = Agent(setup.client(), name="a", context_providers=[provider])
        return Scenario(agents=(agent, helper), run=lambda: agent.run("go"))

    played = await play_durably(build, when().says("hello"))
    assert played.outcome["raised"] == "NotDurableError"
    assert "'background_agents' (BackgroundAgentsProvider)" in played.outcome["text"]
    assert "agent.as_tool()" in played.outcome["text"]
