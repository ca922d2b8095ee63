"""Workflows of the framework that are functions: ``@workflow`` and ``@step``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, RunContext, step, workflow

from agent_kit.scenarios import Scenario, Setup
from perdure.testing.scripted_model import when

if TYPE_CHECKING:
    from agent_kit.ways import Compare

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


LOOK_UP = when(tools=["look_up"], tool_results=0).calls("look_up", question="q")


async def test_steps_one_after_another_and_at_once(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        @step(replay_key=lambda text: text)
        async def draft(text: str) -> str:
            return (await agent.run(text)).text

        @workflow
        async def pipeline(text: str) -> list[str]:
            both = await asyncio.gather(draft(f"{text} one"), draft(f"{text} two"))
            return [*both, await draft(f"{text} three")]

        async def run() -> Any:
            return (await pipeline.build().run("go")).get_outputs()

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, LOOK_UP, when().says("{user}: {result}"))
    assert len(played.model_calls) == 6


async def test_a_function_that_asks_whoever_runs_it(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        @step(replay_key=lambda text: text)
        async def draft(text: str) -> str:
            return (await agent.run(text)).text

        @workflow
        async def pipeline(text: str, context: RunContext) -> str:
            written = await draft(text)
            answer = await context.request_info(f"{written}?", str, request_id="approve")
            return f"{written} {answer}"

        async def run() -> Any:
            built = pipeline.build()
            asked = (await built.run("go")).get_request_info_events()
            answered = await built.run(responses={asked[0].request_id: "yes"})
            return [asked[0].data, answered.get_outputs()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, LOOK_UP, when().says("{result}"))
    assert played.outcome == ["q: 42?", ["q: 42 yes"]]
    assert len(played.model_calls) == 2


async def test_a_function_as_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        @workflow
        async def pipeline(text: str) -> str:
            return (await agent.run(text)).text

        async def run() -> Any:
            return (await pipeline.build().as_agent("pipeline").run("go")).text

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, LOOK_UP, when().says("{result}"))
    assert played.outcome == "q: 42"
