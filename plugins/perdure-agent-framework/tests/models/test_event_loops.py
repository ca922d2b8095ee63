"""An agent is used on several event loops: by workers, whose backends have one each, and plainly.

Its client keeps connections alive, as clients do by default.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import httpx
from agent_framework import Agent
from agent_framework_openai import OpenAIChatCompletionClient
from openai import AsyncOpenAI

import perdure
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import MODEL, ScriptedModel, when
from perdure_agent_framework import DurableAgentRunner
from perdure_agent_framework.models.http_pools import keep_loops_apart

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@contextlib.asynccontextmanager
async def open_agent() -> AsyncGenerator[Agent[Any], None]:
    async with (
        ScriptedModel([when().says("hello")]) as model,
        AsyncOpenAI(base_url=model.url, api_key="none") as api,
    ):
        client = OpenAIChatCompletionClient[Any](model=MODEL, async_client=api)
        yield Agent(client, name="greeter")


async def test_an_agent_runs_plainly_and_durably_in_turns_in_one_process() -> None:
    async with open_agent() as agent:
        app = perdure.App("greeting")
        runner = DurableAgentRunner(agent, app=app)
        async with run_in_memory(app) as env:
            durable = runner.using(env.client)
            for _ in range(3):
                assert (await agent.run("hi")).text == "hello"
                assert (await durable.run("hi")).text == "hello"


async def test_an_agent_is_of_several_apps_one_after_the_other() -> None:
    async with open_agent() as agent:
        for _ in range(3):
            app = perdure.App("greeting")
            runner = DurableAgentRunner(agent, app=app)
            async with run_in_memory(app) as env:
                for _ in range(2):
                    assert (await runner.using(env.client).run("hi")).text == "hello"


async def test_connections_are_kept_alive_within_a_loop() -> None:
    async with open_agent() as agent:
        client: Any = agent.client
        keep_loops_apart(client)
        for _ in range(3):
            await agent.run("hi")
        pool = client.client._client._transport._pool.of_running_loop()
        assert len(pool.connections) == 1


async def test_a_transport_of_ones_own_stays_as_it_is() -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(500))
    http: Any = httpx.AsyncClient(transport=mock)
    async with AsyncOpenAI(base_url="http://127.0.0.1:9", api_key="none", http_client=http) as api:
        keep_loops_apart(OpenAIChatCompletionClient[Any](model=MODEL, async_client=api))
        assert http._transport is mock
