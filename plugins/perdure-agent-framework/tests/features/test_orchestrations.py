"""The builders of teams of agents."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from agent_framework import Agent
from agent_framework_orchestrations import (
    ConcurrentBuilder,
    GroupChatBuilder,
    HandoffBuilder,
    MagenticBuilder,
    SequentialBuilder,
    StandardMagenticManager,
)

import perdure
from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from perdure.spi.history import Completed
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.registration import register
from tests.driving import driver_of

if TYPE_CHECKING:
    import pytest

    from agent_kit.ways import Compare


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


def team(setup: Setup, *names: str, **options: Any) -> list[Agent[Any]]:
    tools = [looking_up(setup)]
    return [Agent(setup.client(), name, name=name, tools=tools, **options) for name in names]


def told(result: Any) -> Any:
    """Return what a run of a graph gave."""
    return [_told(output) for output in result.get_outputs()]


def _told(output: Any) -> Any:
    if isinstance(output, list):
        return spoken(output)
    return spoken(output.messages) if hasattr(output, "messages") else output


LOOK_UP = when(tools=["look_up"], tool_results=0).calls("look_up", question="q")


async def test_sequential(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "writer", "editor")

        async def run() -> Any:
            return told(await SequentialBuilder(participants=agents).build().run("go"))

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(
        build, LOOK_UP, when(system="writer").says("draft"), when(system="editor").says("edited")
    )
    assert len(played.model_calls) == 3


async def test_concurrent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "first", "second", "third")

        async def run() -> Any:
            return told(await ConcurrentBuilder(participants=agents).build().run("go"))

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(
        build,
        LOOK_UP,
        when(system="first").says("one"),
        when(system="second").says("two"),
        when(system="third").says("three"),
    )
    assert len(played.model_calls) == 6


async def test_concurrent_with_an_aggregator_that_asks_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "first", "second")
        judge = Agent(setup.client(), "judge", name="judge")

        async def aggregate(results: list[Any]) -> str:
            texts = sorted(result.agent_response.text for result in results)
            return (await judge.run(f"which: {texts}?")).text

        async def run() -> Any:
            graph = ConcurrentBuilder(participants=agents).with_aggregator(aggregate).build()
            return told(await graph.run("go"))

        return Scenario(agents=(*agents, judge), run=run)

    played = await compare(
        build,
        LOOK_UP,
        when(system="first").says("one"),
        when(system="second").says("two"),
        when(system="judge", user="['one', 'two']").says("two"),
    )
    assert played.outcome == ["two"]


async def test_group_chat_with_a_function_that_selects(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "first", "second")

        async def run() -> Any:
            graph = GroupChatBuilder(
                participants=agents,
                selection_func=lambda state: ["first", "second"][state.current_round % 2],
                max_rounds=3,
            ).build()
            return told(await graph.run("go"))

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(
        build, LOOK_UP, when(system="first").says("one"), when(system="second").says("two")
    )
    assert len(played.model_calls) >= 3


async def test_group_chat_with_an_agent_that_selects(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "first", "second")
        chair = Agent(setup.client(), "chair", name="chair")

        async def run() -> Any:
            graph = GroupChatBuilder(
                participants=agents, orchestrator_agent=chair, max_rounds=3
            ).build()
            return told(await graph.run("go"))

        return Scenario(agents=(*agents, chair), run=run)

    choice: dict[str, Any] = {
        "terminate": False,
        "reason": "r",
        "next_speaker": "second",
        "final_message": None,
    }
    played = await compare(
        build,
        LOOK_UP,
        when(system="first").says("one"),
        when(system="second").says("two"),
        when(system="chair").answers(choice),
    )
    assert len(played.model_calls) >= 6


async def test_handoff(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "triage", "billing", require_per_service_call_history_persistence=True)

        async def run() -> Any:
            graph = (
                HandoffBuilder(
                    participants=agents,
                    termination_condition=lambda messages: "settled" in messages[-1].text,
                )
                .with_start_agent(agents[0])
                .build()
            )
            return told(await graph.run("help"))

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(
        build,
        when(system="triage", tool_results=0).calls("look_up", question="q"),
        when(system="triage").calls("handoff_to_billing"),
        when(system="billing", tools=["handoff_to_triage"], tool_results=0).calls(
            "look_up", question="b"
        ),
        when(system="billing").says("settled"),
    )
    assert played.recording.tools()[:1] == ["look_up"]


async def test_handoff_that_asks_the_user(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agents = team(setup, "triage", "billing", require_per_service_call_history_persistence=True)

        async def run() -> Any:
            graph = HandoffBuilder(participants=agents).with_start_agent(agents[0]).build()
            first = await graph.run("help")
            asked = first.get_request_info_events()
            from agent_framework_orchestrations import HandoffAgentUserRequest

            answers = {
                event.request_id: HandoffAgentUserRequest.create_response("order 17")
                for event in asked
            }
            return [len(asked), told(first), told(await graph.run(responses=answers))]

        return Scenario(agents=tuple(agents), run=run)

    played = await compare(
        build,
        when(system="triage", user="17").says("thank you"),
        when(system="triage").says("which order?"),
    )
    assert played.outcome[0] == 1


LEDGER: dict[str, Any] = {
    "is_request_satisfied": {"reason": "r", "answer": False},
    "is_in_loop": {"reason": "r", "answer": False},
    "is_progress_being_made": {"reason": "r", "answer": True},
    "next_speaker": {"reason": "r", "answer": "worker"},
    "instruction_or_question": {"reason": "r", "answer": "work"},
}


async def test_magentic(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        worker = team(setup, "worker")[0]
        manager = Agent(setup.client(), "manager", name="manager")

        async def run() -> Any:
            graph = MagenticBuilder(
                participants=[worker],
                manager=StandardMagenticManager(
                    manager,
                    task_ledger_facts_prompt="facts of {task}",
                    task_ledger_plan_prompt="plan for {team}",
                    task_ledger_full_prompt="{task} {team} {facts} {plan}",
                    progress_ledger_prompt="progress of {task} {team} {names}",
                    final_answer_prompt="final answer of {task}",
                    max_round_count=2,
                ),
            ).build()
            return told(await graph.run("go"))

        return Scenario(agents=(worker, manager), run=run)

    played = await compare(
        build,
        LOOK_UP,
        when(system="worker").says("worked"),
        when(system="manager", user="facts").says("the facts"),
        when(system="manager", user="plan").says("the plan"),
        when(system="manager", user="progress").answers(LEDGER),
        when(system="manager").says("the end"),
    )
    assert len(played.model_calls) >= 5


async def test_magentic_with_a_plan_that_is_reviewed(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        worker = team(setup, "worker")[0]
        manager = Agent(setup.client(), "manager", name="manager")

        async def run() -> Any:
            graph = MagenticBuilder(
                participants=[worker],
                manager_agent=manager,
                max_round_count=1,
                task_ledger_facts_prompt="facts of {task}",
                task_ledger_plan_prompt="plan for {team}",
                progress_ledger_prompt="progress of {task} {team} {names}",
                enable_plan_review=True,
            ).build()
            asked = (await graph.run("go")).get_request_info_events()
            answers = {event.request_id: event.data.approve() for event in asked}
            return [len(asked), told(await graph.run(responses=answers))]

        return Scenario(agents=(worker, manager), run=run)

    played = await compare(
        build,
        LOOK_UP,
        when(system="worker").says("worked"),
        when(system="manager", user="progress").answers(LEDGER),
        when(system="manager").says("as I said"),
    )
    assert played.outcome[0] == 1


async def test_what_the_framework_logs_is_not_logged_again_on_replays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with ScriptedModel([when().says("yes")]) as model:
        agents = team(Setup(url=model.url), "first")
        app = perdure.App("x")
        register(app, *agents)

        @app.workflow
        async def chat() -> str:
            graph = GroupChatBuilder(
                participants=agents, selection_func=lambda _: "first", max_rounds=1
            )
            told(await graph.build().run("go"))
            return (await agents[0].run("go on")).text

        ended = await driver_of(app, random.Random(0)).run("chat")
    assert isinstance(ended, Completed)
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "reached max_rounds" in line]) == 1
