"""Histories that are kept elsewhere than in the session."""

from __future__ import annotations

import itertools
import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, FileHistoryProvider

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW, app_of, play_on_engine, play_plainly
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from providers.notebooks import LineHistory
from tests.driving import driver_of

if TYPE_CHECKING:
    from pathlib import Path

    from agent_kit.scenarios import Build
    from agent_kit.ways import Played
    from perdure.spi.history import ActivityScheduled
    from perdure.spi.program import ActivityTask

pytestmark = pytest.mark.filterwarnings("ignore:.*is experimental")

RULES: list[Rule] = [when().says("you said {user}")]


def two_runs(provider_in: Any, tmp_path: Path) -> Build:
    """Make an agent with a history in a folder of its own, and run it twice in one session."""
    numbers = itertools.count()

    def build(setup: Setup) -> Scenario:
        folder = tmp_path / f"of-scenario-{next(numbers)}"
        folder.mkdir()
        agent = Agent(setup.client(), name="a", context_providers=[provider_in(folder)])

        async def run() -> Any:
            session = agent.create_session(session_id="s")
            answers = [await agent.run(text, session=session) for text in ("one", "two")]
            return [*answers, session.state]

        return Scenario(agents=(agent,), run=run)

    return build


async def both_ways(build: Build) -> Played:
    """Play a scenario plainly and durably; each has files of its own."""
    async with ScriptedModel(RULES) as model:
        plain = await play_plainly(build, model.url)
        durable = await play_on_engine(build, model.url)
    assert durable.outcome == plain.outcome
    assert durable.model_calls == plain.model_calls
    return durable


async def test_a_history_in_files(tmp_path: Path) -> None:
    played = await both_ways(two_runs(FileHistoryProvider, tmp_path))
    assert "you said one" in json.dumps(played.model_calls)


async def test_a_history_of_ones_own_that_keeps_notes_in_the_state(tmp_path: Path) -> None:
    played = await both_ways(two_runs(LineHistory, tmp_path))
    assert played.outcome[-1] == {"lines": {"loads": 2, "saves": 2}}


async def test_each_message_is_saved_once_in_a_workflow_that_is_replayed(tmp_path: Path) -> None:
    async with ScriptedModel(RULES) as model:
        app = app_of(two_runs(LineHistory, tmp_path)(Setup(url=model.url)))
        await driver_of(app, random.Random(0)).run(WORKFLOW)
    lines = (tmp_path / "of-scenario-0" / "s").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["contents"][0]["text"] for line in lines]
    assert texts == ["one", "you said one", "two", "you said two"]


@pytest.mark.parametrize("store_outputs", [True, False])
async def test_messages_that_are_saved_again_after_a_crash_are_in_the_file_once(
    tmp_path: Path, *, store_outputs: bool
) -> None:
    def history(folder: Path) -> FileHistoryProvider:
        return FileHistoryProvider(folder, store_outputs=store_outputs)

    async with ScriptedModel(RULES) as model:
        app = app_of(two_runs(history, tmp_path)(Setup(url=model.url)))
        driver = driver_of(app, random.Random(0))
        run_once = driver.program.run_activity

        async def run_twice(task: ActivityTask) -> Any:
            scheduled: ActivityScheduled = task.scheduled
            await run_once(task) if "save_messages" in scheduled.arguments else None
            return await run_once(task)

        driver.program.run_activity = run_twice  # type: ignore[method-assign]
        await driver.run(WORKFLOW)
    (file,) = (tmp_path / "of-scenario-0").iterdir()
    assert len(file.read_text(encoding="utf-8").splitlines()) == (4 if store_outputs else 2)


async def test_a_run_without_a_session_is_the_same_before_and_after_one_with_a_session() -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")

        async def run() -> Any:
            before = len(agent.context_providers)
            await agent.run("without")
            await agent.run("with", session=agent.create_session(session_id="s"))
            await agent.run("without")
            return len(agent.context_providers) - before

        return Scenario(agents=(agent,), run=run)

    async with ScriptedModel(RULES) as model:
        app = app_of(build(Setup(url=model.url)))
        async with run_in_memory(app) as env:
            assert await (await env.client.start(WORKFLOW)).result() == 0
