"""The kit by which features are compared finds what it is there to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import plain_and_durable, play_in_orders, play_plainly
from perdure.errors import NonDeterminismError
from perdure.framework import in_workflow, is_replaying
from perdure.testing.scripted_model import Rule, ScriptedModel, when

if TYPE_CHECKING:
    from collections.abc import Callable

RULES: list[Rule] = [
    when(tools=["look_up"], tool_results=0)
    .calls("look_up", question="q")
    .calls("look_up", question="r"),
    when().says("{user}: {result}"),
]


def asking(question: Callable[[], str]) -> Any:
    """Return a scenario builder whose agent is asked what ``question`` gives."""

    def build(setup: Setup) -> Scenario:
        async def look_up(question: str) -> str:
            """Look up."""
            setup.recording.tool_called("look_up", question=question)
            return f"{question}: 42"

        agent = Agent(setup.client(), name="a", tools=[look_up])
        return Scenario(agents=(agent,), run=lambda: agent.run(question()))

    return build


async def test_a_scenario_that_goes_as_it_should() -> None:
    async with ScriptedModel(RULES) as model:
        played = await plain_and_durable(asking(lambda: "go"), model.url)
    assert played.outcome["text"] == "go: r: 42"


async def test_another_question_in_a_workflow_is_found() -> None:
    async with ScriptedModel(RULES) as model:
        with pytest.raises(AssertionError):
            await plain_and_durable(
                asking(lambda: "durable" if in_workflow() else "plain"), model.url
            )


async def test_another_question_on_a_replay_is_found() -> None:
    build = asking(lambda: "again" if is_replaying() else "first")
    async with ScriptedModel(RULES) as model:
        plain = await play_plainly(build, model.url)
        with pytest.raises(NonDeterminismError, match=r"agent\.model"):
            await play_in_orders(build, model.url, plain)


async def test_a_call_made_once_more_is_found() -> None:
    async with ScriptedModel(RULES) as model:
        plain = await play_plainly(asking(lambda: "go"), model.url)
        plain.recording.tool_called("look_up", question="once more")
        with pytest.raises(AssertionError, match="order 0"):
            await play_in_orders(asking(lambda: "go"), model.url, plain)
