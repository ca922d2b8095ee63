"""Ids, clocks, spans and logs of the framework in workflows that are replayed at every step."""

from __future__ import annotations

import asyncio
import logging
import random
import uuid
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, AgentSession, WorkflowCheckpoint, function_middleware, tool
from agent_framework.observability import OBSERVABILITY_SETTINGS
from opentelemetry import trace

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW, app_of
from perdure.spi.history import Completed
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from tests.driving import driver_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_kit.scenarios import Build

LOOKS_UP: list[Rule] = [
    when(tool_results=0).calls("look_up"),
    when().says("{result}"),
]


def with_tool(function: Any) -> Build:
    """Make an agent with one tool, and run it once."""

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[function])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    return build


async def drive(build: Build) -> None:
    """Run a scenario, replayed from the start before every step."""
    async with ScriptedModel(LOOKS_UP) as model:
        ended = await driver_of(app_of(build(Setup(url=model.url))), random.Random(0)).run(WORKFLOW)
    assert isinstance(ended, Completed)


async def test_ids_of_the_framework_are_drawn_again_and_those_of_others_are_left_alone() -> None:
    of_framework: list[str] = []
    of_others: list[str] = []

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")

        async def run() -> Any:
            of_framework.append(AgentSession().session_id)
            of_others.append(str(uuid.uuid4()))
            return (await agent.run("go")).text

        return Scenario(agents=(agent,), run=run)

    await drive(build)
    assert len(of_framework) > 2
    assert len(set(of_framework)) == 1
    assert len(set(of_others)) == len(of_others)


async def test_outside_workflows_ids_are_random() -> None:
    await drive(with_tool(look_up))
    assert AgentSession().session_id != AgentSession().session_id


async def test_dates_of_the_framework_are_the_workflows() -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")

        async def run() -> Any:
            made = WorkflowCheckpoint(workflow_name="w", graph_signature_hash="h")
            return [made.timestamp, perdure.now().isoformat()]

        return Scenario(agents=(agent,), run=run)

    async with run_in_memory(app_of(build(Setup(url="http://127.0.0.1:9/v1")))) as env:
        made, now = await (await env.client.start(WORKFLOW)).result()
    assert made == now


@pytest.mark.parametrize(("hours", "choice"), [(0, "auto"), (2, "none")])
async def test_a_limit_on_duration_is_measured_in_the_workflows_time(
    hours: int, choice: str
) -> None:
    @function_middleware
    async def wait(_: Any, call_next: Any) -> None:
        await call_next()
        await asyncio.sleep(hours * 3600)

    setups: list[Setup] = []

    def build(setup: Setup) -> Scenario:
        setups.append(setup)
        limits: Any = {"max_duration_seconds": 3600}
        client = setup.client(function_invocation_configuration=limits)
        agent = Agent(client, name="a", tools=[look_up], middleware=[wait])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    async with ScriptedModel(LOOKS_UP) as model:
        app = app_of(build(Setup(url=model.url)))
        async with run_in_memory(app) as env:
            handle = await env.client.start(WORKFLOW)
            await env.advance(hours=hours)
            await handle.result()
    last = setups[0].recording.model_calls[-1]
    assert f'"tool_choice": "{choice}"' in last


async def look_up() -> str:
    """Look up."""
    return "42"


async def fails() -> str:
    """Fail."""
    raise ValueError("no")


async def test_lines_that_the_framework_logs_are_not_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING, logger="agent_framework")
    await drive(with_tool(tool(fails, name="look_up")))
    told = [it for it in caplog.messages if "raised an exception; returning an error" in it]
    assert len(told) == 1


class CountingProvider(trace.TracerProvider):
    """Counts the spans that begin."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return _CountingTracer(self.begun)


class _CountingTracer(trace.NoOpTracer):
    def __init__(self, begun: Counter[str]) -> None:
        self._begun = begun

    def start_span(self, name: str, *args: Any, **keywords: Any) -> trace.Span:
        self._begun[name] += 1
        return super().start_span(name, *args, **keywords)

    @contextmanager
    def start_as_current_span(self, name: str, *_: Any, **__: Any) -> Iterator[trace.Span]:  # type: ignore[override]
        yield self.start_span(name)


async def test_spans_of_the_framework_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = CountingProvider()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    monkeypatch.setattr(OBSERVABILITY_SETTINGS, "enable_instrumentation", True)
    await drive(with_tool(look_up))
    begun = {name.split()[0]: count for name, count in provider.begun.items()}
    # A tool call has one where it is asked for, and one where it is made.
    assert begun == {"invoke_agent": 1, "chat": 2, "execute_tool": 2}
