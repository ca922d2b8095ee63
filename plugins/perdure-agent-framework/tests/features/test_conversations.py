"""Sessions, history and context within one workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_framework import (
    Agent,
    AgentSession,
    ContextProvider,
    InMemoryHistoryProvider,
    SessionContext,
)

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import Rule, when

if TYPE_CHECKING:
    from agent_kit.ways import Compare

RULES: list[Rule] = [
    when(tool_results=0, tools=["look_up"]).calls("look_up", question="q"),
    when(user="one").says("first"),
    when(user="two").says("second"),
    when().says("more"),
]


def looking_up(setup: Setup) -> Any:
    def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


async def test_a_session_used_again(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            later = AgentSession.from_dict(session.to_dict())
            return [*answers, await agent.run("three", session=later), later.to_dict()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert [each["text"] for each in played.outcome[:3]] == ["first", "second", "more"]
    assert len(played.outcome[3]["state"]["in_memory"]["messages"]) == 12


async def test_a_conversation_kept_by_the_service(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.responses_client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            return [*answers, session.service_session_id]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome[2].startswith("resp_")
    assert any("previous_response_id" in call for call in played.model_calls)


async def test_history_kept_at_each_call_of_the_model(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(
            setup.client(),
            name="a",
            tools=[looking_up(setup)],
            context_providers=[InMemoryHistoryProvider()],
            require_per_service_call_history_persistence=True,
        )

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            return [*answers, session.to_dict()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert len(played.outcome[2]["state"]["in_memory"]["messages"]) == 8


class Counting(ContextProvider):
    """Computes only: counts turns in the session's state, and tells the model."""

    def __init__(self) -> None:
        super().__init__("counting")

    async def before_run(
        self, *, agent: Any, session: Any, context: SessionContext, state: dict[str, Any]
    ) -> None:
        state["turns"] = state.get("turns", 0) + 1
        context.extend_instructions(self.source_id, f"This is turn {state['turns']}.")

    async def after_run(
        self, *, agent: Any, session: Any, context: SessionContext, state: dict[str, Any]
    ) -> None:
        assert context.response is not None
        state["last"] = context.response.text


async def test_context_providers_that_compute(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(
            setup.client(), name="a", tools=[looking_up(setup)], context_providers=[Counting()]
        )

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            return [*answers, session.state["counting"]]

        return Scenario(agents=(agent,), run=run)

    played = await compare(
        build,
        when(tool_results=0).calls("look_up", question="q"),
        when(system="turn 2").says("second"),
        when(system="turn 1").says("first"),
    )
    assert played.outcome[2] == {"turns": 2, "last": "second"}


async def test_runs_without_a_session_after_one_with(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            alone = await agent.run("one")
            await agent.run("one", session=agent.create_session(session_id="s"))
            return [alone, await agent.run("two")]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome[1]["text"] == "second"
