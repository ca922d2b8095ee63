"""Replays: retries, fallbacks and requests by reference come out the same, in any order."""

from __future__ import annotations

import random
from typing import Any

from agent_framework import Agent, tool

import perdure
from models.asking import client_of
from perdure import RetryPolicy
from perdure.spi.history import Completed
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import ModelPolicy, Policies
from perdure_agent_framework.registration import register
from tests.driving import driver_of

LONG = "word " * 500


@tool
async def look_up(number: int) -> str:
    """Look something up."""
    return f"{number}: {LONG}"


def app_of(model: ScriptedModel) -> perdure.App:
    """Return an app in which three sub-agents with long transcripts work at once."""

    def named(name: str, *, tools: list[Any]) -> Agent[Any]:
        return Agent(client_of(model.url), f"you are {name}", name=name, tools=tools)

    helper = named("helper", tools=[look_up])
    boss = named("boss", tools=[helper.as_tool()])
    fallback = client_of(model.url, model="scripted-model-b")
    retry = RetryPolicy(max_attempts=3, jitter=1.0)
    policy = ModelPolicy(retry=retry, fallbacks=(fallback,), fallback_after=2)
    app = perdure.App("replays")
    register(app, boss, policies=Policies(model=policy))

    @app.workflow(name="ask")
    async def ask() -> str:
        return (await boss.run("hi")).text

    return app


async def test_rebuilds_between_any_two_events_send_the_same_requests() -> None:
    rules = [
        when(system="boss", tool_results=0)
        .calls("helper", task="one")
        .calls("helper", task="two")
        .calls("helper", task="three"),
        when(system="boss").says("all done"),
        when(model="scripted-model", system="helper", user="two").fails(503, retry_after=5),
        when(system="helper", tool_results=0).calls("look_up", number=0),
        when(system="helper", tool_results=1).calls("look_up", number=1),
        when(system="helper", tool_results=2).fails(429, times=1, per_request=True),
        when(system="helper", tool_results=2).calls("look_up", number=2),
        when(system="helper").says("helped"),
        when(model="scripted-model-b").says("never"),
    ]
    async with ScriptedModel(rules) as model:
        app = app_of(model)
        for seed in range(5):
            driver = driver_of(app, random.Random(seed))
            ended = await driver.run("ask")
            assert isinstance(ended, Completed), ended
            assert ended.result == '"all done"'
            # The driver compares payloads strictly: a request built otherwise fails the run.
            assert driver.choices > 0
        by_reference = [arguments for _, arguments in driver.answers if '"base"' in arguments]
    assert len(by_reference) >= 6
