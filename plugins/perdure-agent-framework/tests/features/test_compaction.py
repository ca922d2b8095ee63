"""Compaction strategies, which decide in the workflow what a model is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    CharacterEstimatorTokenizer,
    CompactionProvider,
    InMemoryHistoryProvider,
    Message,
    SelectiveToolCallCompactionStrategy,
    SlidingWindowStrategy,
    SummarizationStrategy,
    TokenBudgetComposedStrategy,
    ToolResultCompactionStrategy,
    TruncationStrategy,
)

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import Rule, when

if TYPE_CHECKING:
    from agent_kit.ways import Compare

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")

LONG = [Message("user" if i % 2 == 0 else "assistant", [f"message {i} " * 9]) for i in range(9)]
RULES: list[Rule] = [
    when(tool_results=0, tools=["look_up"]).calls("look_up", question="q"),
    when(tool_results=1, tools=["look_up"]).calls("look_up", question="r"),
    when(tool_results=2, tools=["look_up"]).calls("look_up", question="s"),
    when().says("done"),
]


def looking_up(setup: Setup) -> Any:
    def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: {'42 ' * 30}"

    return look_up


STRATEGIES: dict[str, Any] = {
    "sliding window": lambda: SlidingWindowStrategy(keep_last_groups=3),
    "truncation": lambda: TruncationStrategy(max_n=6, compact_to=4),
    "token budget": lambda: TokenBudgetComposedStrategy(
        token_budget=150,
        tokenizer=CharacterEstimatorTokenizer(),
        strategies=[
            ToolResultCompactionStrategy(keep_last_tool_call_groups=1),
            SlidingWindowStrategy(keep_last_groups=4),
        ],
    ),
    "tool results": lambda: ToolResultCompactionStrategy(keep_last_tool_call_groups=1),
    "selected tool calls": lambda: SelectiveToolCallCompactionStrategy(
        keep_last_tool_call_groups=1
    ),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_strategies_that_compute(compare: Compare, strategy: str) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(
            setup.client(function_invocation_configuration={"max_iterations": 5}),
            "be brief",
            name="a",
            tools=[looking_up(setup)],
            compaction_strategy=STRATEGIES[strategy](),
        )
        return Scenario(agents=(agent,), run=lambda: agent.run(list(LONG)))

    played = await compare(build, *RULES)
    full = 1 + len(LONG) + 2 * (len(played.model_calls) - 1)
    assert max(len(call["messages"]) for call in played.model_calls) < full


async def test_summarization_by_a_client_of_its_own(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        own = setup.client(model="scripted-model-small")
        agent = Agent(
            setup.client(function_invocation_configuration={"max_iterations": 5}),
            "be brief",
            name="a",
            tools=[looking_up(setup)],
            compaction_strategy=SummarizationStrategy(client=own, target_count=2, threshold=0),
        )
        return Scenario(agents=(agent,), run=lambda: agent.run(list(LONG)))

    summary = when(model="scripted-model-small").says("what was said before")
    played = await compare(build, summary, *RULES)
    models = [call["model"] for call in played.model_calls]
    assert "scripted-model-small" in models


async def test_compaction_of_the_history_of_a_session(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        window = SlidingWindowStrategy(keep_last_groups=2)
        agent = Agent(
            setup.client(),
            name="a",
            context_providers=[
                InMemoryHistoryProvider(),
                CompactionProvider(before_strategy=window, after_strategy=window),
            ],
        )

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(f"message {n}", session=session) for n in range(5)]
            return [answers[-1], session.to_dict()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, when().says("yes"))
    assert max(len(call["messages"]) for call in played.model_calls) < 9
