"""MCP servers over stdio and HTTP: asking for tools and calling them are activities."""

from __future__ import annotations

import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Agent, MCPStdioTool, MCPStreamableHTTPTool

from agent_kit.scenarios import Scenario, Setup
from agent_kit.ways import WORKFLOW, app_of, play_on_engine, play_plainly
from mcp_servers.running import calls_in, command, free_port, http_server, offer
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework.mcp_servers.connections import close_connections
from perdure_agent_framework.policies import ApprovalPolicy, Policies, ToolPolicy
from perdure_agent_framework.registration import register
from tests.comparing import check_same
from tests.driving import driver_of

if TYPE_CHECKING:
    from pathlib import Path

    from agent_kit.scenarios import Build

ADDS: list[Rule] = [
    when(tool_results=0).calls("add", a=1, b=2),
    when().says("{result}"),
]
TOKEN = "mcp-secret-token-77"


def with_server(server: Any, policies: Policies | None = None) -> Build:
    """Make an agent that has an MCP server, and run it once."""

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[server()])

        async def run() -> Any:
            try:
                return await agent.run("go")
            finally:
                await agent.close()

        return Scenario(agents=(agent,), run=run, policies=policies)

    return build


def stdio(folder: Path, **options: Any) -> Any:
    return lambda: MCPStdioTool("calc", **command(folder), **options)


async def test_a_server_over_stdio_as_in_a_plain_run(tmp_path: Path) -> None:
    offer(tmp_path, "add", "greet")
    async with ScriptedModel(ADDS) as model:
        plain = await play_plainly(with_server(stdio(tmp_path)), model.url)
        durable = await play_on_engine(with_server(stdio(tmp_path)), model.url)
    check_same(plain.outcome, durable.outcome, what="outcome")
    assert durable.outcome["text"] == "3"
    assert durable.model_calls == plain.model_calls
    plainly, durably = calls_in(tmp_path)
    assert plainly["key"] is None
    assert durably["key"]


async def test_a_prompt_of_a_server(tmp_path: Path) -> None:
    offer(tmp_path, "greet")
    rules = [when(tool_results=0).calls("greet", name="Ada"), when().says("{result}")]
    async with ScriptedModel(rules) as model:
        played = await play_on_engine(with_server(stdio(tmp_path)), model.url)
    assert played.outcome["text"] == "Say hello to Ada."


async def test_a_server_is_asked_once_in_a_workflow_however_often_it_is_replayed(
    tmp_path: Path,
) -> None:
    offer(tmp_path, "add")

    def build(setup: Setup) -> Scenario:
        agent = Agent(setup.client(), name="a", tools=[stdio(tmp_path)()])

        async def run() -> Any:
            return [(await agent.run("go")).text for _ in range(2)]

        return Scenario(agents=(agent,), run=run)

    async with ScriptedModel(ADDS) as model:
        driver = driver_of(app_of(build(Setup(url=model.url))), random.Random(0))
        await driver.run(WORKFLOW)
        await close_connections()
    assert driver.executed["agent.mcp"] == 1
    assert driver.executed["agent.tool"] == 2


async def test_a_tool_of_a_server_that_requires_approval(tmp_path: Path) -> None:
    offer(tmp_path, "add", "refund")
    rules = [when(tool_results=0).calls("refund", order="7"), when().says("{result}")]
    server = stdio(tmp_path, approval_mode={"always_require_approval": ["refund"]})
    policies = Policies(approval=ApprovalPolicy(mode="return"))
    async with ScriptedModel(rules) as model:
        played = await play_on_engine(with_server(server, policies), model.url)
    asked = played.outcome["messages"][-1]["contents"][-1]
    assert asked["type"] == "function_approval_request"
    assert calls_in(tmp_path) == []


async def test_headers_reach_the_server_and_are_not_in_history(tmp_path: Path) -> None:
    offer(tmp_path, "add")
    async with ScriptedModel(ADDS) as model, http_server(tmp_path, free_port()) as url:

        def server() -> MCPStreamableHTTPTool:
            return MCPStreamableHTTPTool("calc", url, header_provider=lambda _: {"x-token": TOKEN})

        app = app_of(with_server(server)(Setup(url=model.url)))
        async with run_in_memory(app) as env:
            handle = await env.client.start(WORKFLOW)
            assert (await handle.result())["text"] == "3"
            history = repr(await handle.history())
    assert [call["token"] for call in calls_in(tmp_path)] == [TOKEN]
    assert "agent.mcp" in history
    assert TOKEN not in history


async def test_headers_made_of_what_a_run_was_given(tmp_path: Path) -> None:
    offer(tmp_path, "add")
    async with ScriptedModel(ADDS) as model, http_server(tmp_path, free_port()) as url:
        setup = Setup(url=model.url)
        server = MCPStreamableHTTPTool(
            "calc", url, header_provider=lambda given: {"x-token": f"of {given['user']}"}
        )
        agent = Agent(setup.client(), name="a", tools=[server])

        async def run() -> Any:
            users = ("ada", "bob")
            return [
                (await agent.run("go", function_invocation_kwargs={"user": user})).text
                for user in users
            ]

        app = app_of(Scenario(agents=(agent,), run=run))
        async with run_in_memory(app) as env:
            await (await env.client.start(WORKFLOW)).result()
    assert [call["token"] for call in calls_in(tmp_path)] == ["of ada", "of bob"]


async def test_a_server_that_restarts_with_other_tools(tmp_path: Path) -> None:
    port = free_port()
    rules = [
        when(tools=["refund"], tool_results=0).calls("refund", order="7"),
        *ADDS,
    ]
    async with ScriptedModel(rules) as model:
        offer(tmp_path, "add")
        url = f"http://127.0.0.1:{port}/mcp"
        setup = Setup(url=model.url)
        app = app_of(with_server(lambda: MCPStreamableHTTPTool("calc", url))(setup))
        async with run_in_memory(app) as env:
            async with http_server(tmp_path, port):
                first = await (await env.client.start(WORKFLOW)).result()
            offer(tmp_path, "refund", "add=Add, at last.")
            async with http_server(tmp_path, port):
                second = await (await env.client.start(WORKFLOW)).result()
    assert [first["text"], second["text"]] == ["3", "refunded 7"]
    assert "Add, at last." not in setup.recording.model_calls[1]
    assert "Add, at last." in setup.recording.model_calls[2]


@pytest.mark.parametrize("delivery", ["idempotent", "at_most_once"])
async def test_a_server_that_dies_in_the_middle_of_a_call(tmp_path: Path, delivery: Any) -> None:
    offer(tmp_path, "crash", "add")
    rules = [
        when(tool_results=0).calls("crash"),
        when(tool_results=1).calls("add", a=1, b=2),
        when().says("{result}"),
    ]
    policies = Policies(tools={"crash": ToolPolicy(delivery=delivery)})
    async with ScriptedModel(rules) as model:
        played = await play_on_engine(with_server(stdio(tmp_path), policies), model.url)
    calls = [call["tool"] for call in calls_in(tmp_path)]
    assert calls[-1] == "add"
    assert played.outcome["text"] == "3"
    if delivery == "at_most_once":
        assert calls == ["crash", "add"]


async def test_the_server_process_ends_with_the_app(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    offer(tmp_path, "add")
    async with ScriptedModel(ADDS) as model:
        app = app_of(with_server(stdio(tmp_path))(Setup(url=model.url)))
        async with run_in_memory(app) as env:
            await (await env.client.start(WORKFLOW)).result()
            pid = calls_in(tmp_path)[0]["pid"]
            os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    # In good order: nothing of the connection was left to be cancelled.
    assert [it.message for it in caplog.records if it.name in ("asyncio", "perdure._portal")] == []


async def test_a_server_of_a_single_run(tmp_path: Path) -> None:
    offer(tmp_path, "add")

    def build(setup: Setup) -> tuple[Agent[Any], MCPStdioTool, Scenario]:
        agent = Agent(setup.client(), name="a")
        server = stdio(tmp_path)()
        scenario = Scenario(agents=(agent,), run=lambda: agent.run("go", tools=[server]))
        return agent, server, scenario

    async with ScriptedModel(ADDS) as model:
        agent, server, scenario = build(Setup(url=model.url))
        app = app_of(scenario)
        async with run_in_memory(app) as env:
            unknown = await (await env.client.start(WORKFLOW)).result()
            register(app, agent, mcp_servers=[server])
            known = await (await env.client.start(WORKFLOW)).result()
    assert unknown["raised"] == "NotDurableError"
    assert "MCP server 'calc'" in unknown["text"]
    assert "register(app, agent, mcp_servers=[…])" in unknown["text"]
    assert known["text"] == "3"


async def test_progressive_disclosure_is_refused(tmp_path: Path) -> None:
    offer(tmp_path, "add")
    server = stdio(tmp_path, use_progressive_disclosure=True)
    with pytest.warns(FutureWarning):
        build = with_server(server)(Setup(url="http://127.0.0.1:9/v1"))
    async with run_in_memory(app_of(build)) as env:
        outcome = await (await env.client.start(WORKFLOW)).result()
    assert outcome["raised"] == "NotDurableError"
    assert "allowed_tools=[…]" in json.dumps(outcome, ensure_ascii=False)
