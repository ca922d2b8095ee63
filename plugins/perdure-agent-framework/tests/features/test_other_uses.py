"""Uses of agents and clients that are not one agent's run in one workflow."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    BaseChatClient,
    ChatMiddlewareLayer,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    InMemoryCheckpointStorage,
    Message,
    WorkflowBuilder,
    tool,
)
from agent_framework.observability import ChatTelemetryLayer

import perdure
from agent_kit.normal_form import normal
from agent_kit.scenarios import Scenario, Setup
from features.test_graphs import Ask, Tell
from perdure.spi.history import Completed
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.registration import register
from tests.driving import driver_of

if TYPE_CHECKING:
    from agent_kit.ways import Compare

RULES: list[Rule] = [
    when(tools=["look_up"], tool_results=0).calls("look_up", question="q"),
    when().says("{user}: {result}"),
]


def looking_up(setup: Setup) -> Any:
    async def look_up(question: str) -> str:
        """Look up."""
        setup.recording.tool_called("look_up", question=question)
        return f"{question}: 42"

    return look_up


async def test_a_client_called_without_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        client = setup.client()
        agent = Agent(client, name="a")

        async def run() -> Any:
            return await client.get_response([Message("user", ["go"])], options={"seed": 1})

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome["text"] == "go:"


async def test_a_client_called_with_tools_without_an_agent(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        client = setup.client()
        look_up = tool(looking_up(setup))
        agent = Agent(client, name="a", tools=[look_up])

        async def run() -> Any:
            return await client.get_response(
                [Message("user", ["go"])], options={"tools": [look_up]}
            )

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome["text"] == "go: q: 42"


async def test_agents_made_inside_the_workflow(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        client = setup.client()
        look_up = tool(looking_up(setup))
        known = Agent(client, name="known", tools=[look_up])

        async def run() -> Any:
            made = Agent(client, "made here", name="made", tools=[look_up])
            return [await made.run("one"), await known.run("two")]

        return Scenario(agents=(known,), run=run)

    played = await compare(build, *RULES)
    assert [each["text"] for each in played.outcome] == ["one: q: 42", "two: q: 42"]


async def test_runs_of_one_agent_at_once(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            return await asyncio.gather(*(agent.run(text) for text in ("one", "two", "three")))

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert [each["text"] for each in played.outcome] == [
        "one: q: 42",
        "two: q: 42",
        "three: q: 42",
    ]


async def test_a_run_under_a_timeout(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            async with asyncio.timeout(60):
                return await agent.run("one")

        return Scenario(agents=(agent,), run=run)

    await compare(build, *RULES)


class OwnClient(
    FunctionInvocationLayer[Any],
    ChatMiddlewareLayer[Any],
    ChatTelemetryLayer[Any],
    BaseChatClient[Any],
):
    """A client that somebody wrote for a model of theirs."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self._setup = setup

    def _inner_get_response(self, *, messages: Any, stream: bool, options: Any, **_: Any) -> Any:
        if stream:
            return self._build_response_stream(self._updates(messages))
        return self._answer(messages)

    async def _answer(self, messages: Any) -> ChatResponse[Any]:
        self._setup.recording.model_called([message.to_dict() for message in messages])
        if messages[-1].role == "tool":
            return ChatResponse(messages=[Message("assistant", ["own: done"])])
        call = Content.from_function_call("c1", "look_up", arguments={"question": "q"})
        return ChatResponse(messages=[Message("assistant", [call])])

    async def _updates(self, messages: Any) -> Any:
        for update in (await self._answer(messages)).to_updates():
            yield update


async def test_a_client_of_ones_own(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(OwnClient(setup), name="a", tools=[looking_up(setup)])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    played = await compare(build)
    assert played.outcome["text"] == "own: done"


async def test_checkpoints_in_memory(compare: Compare) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])

        async def run() -> Any:
            storage = InMemoryCheckpointStorage()
            ask, tell = Ask("ask"), Tell("tell")
            builder = WorkflowBuilder(
                start_executor=ask, output_from=[tell], checkpoint_storage=storage, name="graph"
            )
            graph = builder.add_chain([ask, agent, tell]).build()
            outputs = (await graph.run("go")).get_outputs()
            points = await storage.list_checkpoints(workflow_name="graph")
            # From where the agent was to run: it runs again, which is what a checkpoint means.
            again = await graph.run(checkpoint_id=points[0].checkpoint_id)
            return [outputs, len(points), again.get_outputs()]

        return Scenario(agents=(agent,), run=run)

    played = await compare(build, *RULES)
    assert played.outcome[0] == ["tell: go: q: 42"]
    assert played.outcome[2] == played.outcome[0]
    assert len(played.model_calls) == 4


async def test_an_agent_in_a_child_workflow() -> None:
    async with ScriptedModel(RULES) as model:
        setup = Setup(url=model.url)
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])
        app = perdure.App("children")
        register(app, agent)

        @app.workflow
        async def child(text: str) -> Any:
            return normal((await agent.run(text)).text)

        @app.workflow
        async def parent() -> list[Any]:
            return list(await asyncio.gather(child("one"), child("two"), agent_text(agent)))

        driver = driver_of(app, random.Random(1))
        ended = await driver.run("parent")
        assert isinstance(ended, Completed)
        assert json.loads(ended.result) == ["one: q: 42", "two: q: 42", "three: q: 42"]
        assert driver.executed == Counter({"agent.model": 6, "agent.tool": 3})


async def agent_text(agent: Agent[Any]) -> str:
    return (await agent.run("three")).text


async def test_an_agent_of_two_apps() -> None:
    async with ScriptedModel(RULES) as model:
        setup = Setup(url=model.url)
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])
        apps = [perdure.App("one"), perdure.App("two")]
        for app in apps:
            register(app, agent)
            app.workflow(name="ask")(_asking(agent))
        for app in apps:
            async with run_in_memory(app) as env:
                handle = await env.client.start("ask")
                assert await handle.result() == "three: q: 42"
                names = [getattr(event, "name", None) for event in await handle.history()]
                assert names.count("agent.model") == 2


@pytest.mark.parametrize("includes", ["agents", "workflows"])
async def test_an_agent_and_its_workflow_in_registries_of_which_one_includes_the_other(
    includes: str,
) -> None:
    async with ScriptedModel(RULES) as model:
        agent = Agent(Setup(url=model.url).client(), name="a")
        app, library = perdure.App("app"), perdure.Registry()
        app.include(library)
        register(library if includes == "agents" else app, agent)
        (app if includes == "agents" else library).workflow(name="ask")(_asking(agent))
        async with run_in_memory(app) as env:
            handle = await env.client.start("ask")
            assert await handle.result() == "three: "


def _asking(agent: Agent[Any]) -> Any:
    async def ask() -> str:
        return await agent_text(agent)

    return ask


async def test_outside_workflows_a_registered_agent_is_what_it_was() -> None:
    async with ScriptedModel(RULES) as model:
        setup = Setup(url=model.url)
        agent = Agent(setup.client(), name="a", tools=[looking_up(setup)])
        plain = normal(await agent.run("go"))
        register(perdure.App("one"), agent)
        assert normal(await agent.run("go")) == plain
        assert isinstance(agent.client, type(setup.client()))
