"""A scenario with something of everything, and a program that replays its journal elsewhere.

::

    python -m features.busy_day JOURNAL.jsonl
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_framework import Agent, WorkflowBuilder
from agent_framework_orchestrations import ConcurrentBuilder, GroupChatBuilder, HandoffBuilder

from agent_kit.normal_form import spoken
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import app_of
from features.test_graphs import Question
from perdure.replay_check import check_journal
from perdure.testing.scripted_model import Rule, when

if TYPE_CHECKING:
    from perdure import App

NAMES = ("first", "second", "third")
RULES: list[Rule] = [
    when(system="boss", tool_results=0)
    .calls("first", task="a")
    .calls("second", task="b")
    .calls("look_up", question="c"),
    when(system="boss").says("boss: {result}"),
    when(tools=["look_up"], tool_results=0)
    .calls("look_up", question="q")
    .calls("look_up", question="r"),
    when(system="third", tools=["handoff_to_first"], tool_results=2).calls("handoff_to_first"),
    when().says("{user}: {result}"),
]


def build(setup: Setup) -> Scenario:
    """Return the scenario."""

    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    team = [
        Agent(
            setup.client(),
            name,
            name=name,
            tools=[look_up],
            require_per_service_call_history_persistence=True,
        )
        for name in NAMES
    ]
    tools = [*(agent.as_tool() for agent in team), look_up]
    boss = Agent(setup.client(), "boss", name="boss", tools=tools)

    async def talk() -> Any:
        session = boss.create_session()  # whose id is drawn
        return [spoken((await boss.run(text, session=session)).messages) for text in ("x", "y")]

    async def ask() -> Any:
        graph = WorkflowBuilder(start_executor=Question("question")).build()
        asked = (await graph.run("which")).get_request_info_events()
        return (await graph.run(responses={asked[0].request_id: "17"})).get_outputs()

    async def run() -> Any:
        concurrent = ConcurrentBuilder(participants=team).build().run("go")
        chat = GroupChatBuilder(
            participants=team, selection_func=lambda state: NAMES[state.current_round], max_rounds=2
        )
        handoff = HandoffBuilder(
            participants=team, termination_condition=lambda messages: len(messages) > 8
        )
        results = await asyncio.gather(
            concurrent,
            chat.build().run("chat"),
            handoff.with_start_agent(team[2]).build().run("help"),
            talk(),
            ask(),
        )
        return [[len(each.get_outputs()) for each in results[:3]], *results[3:]]

    return Scenario(agents=(boss, *team), run=run)


def app() -> App:
    """Return an app that can replay the scenario; it calls no model."""
    return app_of(build(Setup(url="http://127.0.0.1:9/v1")))


def main(journals: list[str]) -> int:
    """Replay journals strictly, print what diverges, and return how many do."""
    findings = [it for path in journals for it in check_journal(Path(path), app(), strict=True)]
    for finding in findings:
        sys.stdout.write(f"{finding.problem}\n")
    return len(findings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
