"""What cannot be durable as it is used, and what says so."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import (
    Agent,
    AgentContext,
    BaseAgent,
    ChatResponse,
    FileCheckpointStorage,
    Message,
    WorkflowBuilder,
)

import perdure
from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import play_on_engine
from features.test_graphs import Ask, Tell
from perdure import WorkflowFailedError
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.errors import DuplicateAgentError
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from agent_kit.scenarios import Build

RULES: list[Rule] = [
    when(tools=["read_file"], tool_results=0).calls("read_file", name="x"),
    when().says("{result}"),
]
NOWHERE = "http://127.0.0.1:9/v1"


class ProtocolClient:
    """A chat client that only follows the framework's protocol."""

    additional_properties: dict[str, Any] = {}  # noqa: RUF012 - as the protocol has it

    async def get_response(self, messages: Any, **_: Any) -> ChatResponse[Any]:
        return ChatResponse(messages=[Message("assistant", ["hello"])])


class Echo(BaseAgent):
    """An agent without a chat client."""

    async def run(self, messages: Any = None, **_: Any) -> Any:
        raise NotImplementedError


async def play(build: Build) -> Any:
    async with ScriptedModel(RULES) as model:
        return (await play_on_engine(build, model.url)).outcome


def test_a_client_that_only_follows_the_protocol() -> None:
    client: Any = ProtocolClient()
    with pytest.raises(TypeError, match=r"model 'a': .*BaseChatClient.* ProtocolClient does not"):
        register(perdure.App("x"), Agent(client, name="a"))


def test_an_agent_without_a_chat_client() -> None:
    agent: Any = Echo(name="a")
    with pytest.raises(TypeError, match=r"an agent_framework\.Agent is wanted, not Echo"):
        register(perdure.App("x"), agent)


def test_an_agent_without_a_name() -> None:
    agent = Agent(Setup(url=NOWHERE).client())
    with pytest.raises(ValueError, match=r"needs a name to be durable: Agent\(client, name=…\)"):
        register(perdure.App("x"), agent)


def test_two_agents_of_one_name() -> None:
    setup = Setup(url=NOWHERE)
    agents = [Agent(setup.client(), name="a") for _ in range(2)]
    with pytest.raises(DuplicateAgentError, match="two agents of this app are named 'a'"):
        register(perdure.App("x"), *agents)


async def test_checkpoints_in_files(tmp_path: Path) -> None:
    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a")
        storage = FileCheckpointStorage(tmp_path)

        async def run() -> Any:
            ask, tell = Ask("ask"), Tell("tell")
            builder = WorkflowBuilder(start_executor=ask, checkpoint_storage=storage)
            return (await builder.add_chain([ask, agent, tell]).build().run("go")).get_outputs()

        return Scenario(agents=(agent,), run=run)

    with pytest.raises(WorkflowFailedError, match=r"FileCheckpointStorage.* not possible inside"):
        await play(build)


async def test_files_read_by_a_function_of_the_workflow(tmp_path: Path) -> None:
    def build(setup: Setup) -> Scenario:
        async def read_file(name: str) -> str:
            """Read a file."""
            return await asyncio.to_thread(Path(name).read_text, "utf-8")

        agent = Agent(setup.client(), name="a")
        return Scenario(agents=(agent,), run=lambda: agent.run("go", tools=[read_file]))

    with pytest.raises(WorkflowFailedError, match=r"Path.read_text .* make it an activity"):
        await play(build)


async def test_files_read_by_middleware(tmp_path: Path) -> None:
    def build(setup: Setup) -> Scenario:
        async def audit(context: AgentContext, call_next: Any) -> None:
            (tmp_path / "audit").write_text(context.messages[-1].text, "utf-8")
            await call_next()

        agent = Agent(setup.client(), name="a", middleware=[audit])
        return Scenario(agents=(agent,), run=lambda: agent.run("go"))

    with pytest.raises(WorkflowFailedError, match="not possible inside a workflow"):
        await play(build)


async def test_an_agent_of_another_app() -> None:
    async with ScriptedModel(RULES) as model:
        agent = Agent(Setup(url=model.url).client(), name="a")
        own, other = perdure.App("one"), perdure.App("two")
        register(own, agent)

        @other.workflow
        async def ask() -> str:
            return (await agent.run("go")).text

        async with run_in_memory(other) as env:
            handle = await env.client.start(ask)
            with pytest.raises(WorkflowFailedError, match=r"register its agent with the app"):
                await handle.result(timeout=timedelta(seconds=5))


async def test_an_agent_that_was_not_registered() -> None:
    def build(setup: Setup) -> Scenario:
        known = Agent(setup.client(), name="known")
        unknown = Agent(setup.client(), name="unknown")
        return Scenario(agents=(known,), run=lambda: unknown.run("go"))

    outcome = await play(build)
    assert outcome["raised"] == "NotDurableError"
    assert "OpenAIChatCompletionClient" in outcome["text"]
    assert outcome["text"].endswith("register its agent with the app: register(app, agent)")
