"""Policies of an app: declared once, and of what there is."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from agent_framework import Agent, ContextProvider, MCPStreamableHTTPTool

import perdure
from agent_kit.scenarios import Setup
from perdure.testing import run_in_memory
from perdure_agent_framework import (
    Budget,
    DurableAgentRunner,
    ModelPolicy,
    Policies,
    PoliciesConflictError,
    ToolPolicy,
    UnknownPolicyNameError,
    register,
)

ONCE = ToolPolicy(delivery="at_most_once")


def client() -> Any:
    return Setup(url="http://127.0.0.1:9/v1").client()


def pay(order: str) -> str:
    """Pay."""
    return order


def shop(policies: Policies, **options: Any) -> perdure.App:
    """Return an app with a clerk, whose boss has a client of his own, and a porter, who has not."""
    clients = client(), client()
    clerk = Agent(clients[0], name="clerk", tools=[pay], **options)
    boss = Agent(clients[1], name="boss", tools=[clerk.as_tool(name="ask_clerk")])
    app = perdure.App("shop")
    register(app, boss, policies=policies)
    register(app, Agent(clients[1], name="porter"))
    return app


async def start(app: perdure.App) -> None:
    async with run_in_memory(app):
        pass


def refused(kind: str, name: str, known: str) -> AbstractContextManager[Any]:
    message = f"policies name {kind} '{name}', which no agent of this app has; there are: {known}. "
    return pytest.raises(UnknownPolicyNameError, match=message)


async def test_names_of_what_there_is() -> None:
    await start(
        shop(
            Policies(
                model=ModelPolicy(fallbacks=(client(),)),
                models={"clerk": ModelPolicy(), "boss": ModelPolicy()},
                tools={"pay": ONCE, "clerk/pay": ONCE, "boss/ask_clerk": ONCE, "ask_clerk": ONCE},
            )
        )
    )


@pytest.mark.parametrize("name", ["clark", "porter", "pay"])
async def test_a_model_that_there_is_not(name: str) -> None:
    app = shop(Policies(models={name: ModelPolicy()}))
    with refused("model", name, "boss, clerk"):
        await start(app)


async def test_a_fallback_that_there_is_not() -> None:
    one = ModelPolicy(fallbacks=(client(),))
    app = shop(Policies(models={"clerk": one, "clerk/fallback-2": ModelPolicy()}))
    with refused("model", "clerk/fallback-2", "boss, clerk, clerk/fallback-1"):
        await start(app)


@pytest.mark.parametrize("name", ["clerk/payy", "clark/pay", "boss/pay"])
async def test_a_tool_of_an_agent_that_there_is_not(name: str) -> None:
    app = shop(Policies(tools={name: ONCE}))
    with refused("tool", name, "boss/ask_clerk, clerk/pay"):
        await start(app)


async def test_an_agent_that_is_registered_after_the_policies_that_name_it() -> None:
    app = perdure.App("shop")
    register(app, policies=Policies(tools={"late/pay": ONCE}, models={"late": ModelPolicy()}))
    register(app, Agent(client(), name="late", tools=[pay]))
    await start(app)


@pytest.mark.parametrize("brings", [True, False])
async def test_a_tool_that_a_provider_may_bring_is_warned_of(
    caplog: pytest.LogCaptureFixture, brings: bool
) -> None:
    options = {"context_providers": [ContextProvider("notes")]} if brings else {}
    app = shop(Policies(tools={"clerk/note": ONCE}), **options)
    with nullcontext() if brings else pytest.raises(UnknownPolicyNameError):
        await start(app)
    assert ("policies name tool 'clerk/note'" in caplog.text) == brings


async def test_a_tool_that_a_server_may_bring_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = MCPStreamableHTTPTool(name="desk", url="http://127.0.0.1:9/mcp")
    app = perdure.App("shop")
    register(
        app,
        Agent(client(), name="clerk", tools=[server]),
        policies=Policies(tools={"clerk/note": ONCE}),
    )
    await start(app)
    assert "policies name tool 'clerk/note'" in caplog.text


async def test_a_tool_without_its_agent_may_be_one_of_a_run_and_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING, "perdure_agent_framework"):
        await start(shop(Policies(tools={"payy": ONCE, "pay": ONCE})))
    (told,) = (record.getMessage() for record in caplog.records)
    assert "policies name tool 'payy', which no registered agent has" in told
    assert told.endswith("agents have: boss/ask_clerk, clerk/pay")


async def test_other_policies_for_the_same_app_are_refused() -> None:
    app = perdure.App("shop")
    once = Policies(tools={"pay": ONCE})
    DurableAgentRunner(Agent(client(), name="clerk", tools=[pay]), app=app, policies=once)
    other = Policies(budget=Budget(model_calls=3))
    with pytest.raises(PoliciesConflictError, match=r"which differ in tools, budget; declare all"):
        DurableAgentRunner(Agent(client(), name="boss"), app=app, policies=other)
    # The same ones again, or none, change nothing.
    register(app, Agent(client(), name="porter"), policies=Policies(tools={"pay": ONCE}))
    register(app, Agent(client(), name="guard"))
