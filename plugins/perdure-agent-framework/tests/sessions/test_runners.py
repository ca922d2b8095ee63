"""Runners of an app: whose conversations they keep, and what they leave behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

import perdure
from perdure.embedded.backend import EmbeddedBackend
from perdure.spi import Backend
from perdure_agent_framework import DurableAgentRunner
from perdure_agent_framework.catalogue import catalogue_of
from sessions.desk import HOLDS, Gate, open_desk, support_agent

NOWHERE = "http://127.0.0.1:9/v1"


def test_an_app_with_a_runner_is_collected_when_nobody_has_it() -> None:
    def made() -> list[weakref.ref[Any]]:
        app = perdure.App("desk")
        agent = support_agent(NOWHERE)
        DurableAgentRunner(agent, app=app)
        return [weakref.ref(app), weakref.ref(catalogue_of(app)), weakref.ref(agent)]

    left = made()
    # What belongs to an app goes after it: a first round collects the app, a second the rest.
    gc.collect()
    gc.collect()
    assert [reference() for reference in left] == [None, None, None]


def test_two_agents_whose_conversations_would_be_one_are_refused() -> None:
    app = perdure.App("desk")
    DurableAgentRunner(support_agent(NOWHERE, name="first"), app=app, name="desk")
    with pytest.raises(ValueError, match=r"'desk': those of agent 'first' are"):
        DurableAgentRunner(support_agent(NOWHERE, name="second"), app=app, name="desk")


def test_an_agent_may_have_two_runners_of_one_name() -> None:
    app = perdure.App("desk")
    agent = support_agent(NOWHERE)
    DurableAgentRunner(agent, app=app, turns_per_run=3)
    assert DurableAgentRunner(agent, app=app, turns_per_run=5).name == "support"


async def test_a_conversation_is_shown_where_the_backend_cannot_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EmbeddedBackend, "query", Backend.query)
    gate = Gate()
    async with open_desk(HOLDS, tools=[gate.hold]) as desk:
        run = asyncio.create_task(desk.runner.run("hold", session_id="a", message_id="m"))
        await gate.is_reached()
        info = await desk.runner.session("a")
        assert (info.state, info.message_id, info.approval_ids) == ("running", "m", ())
        gate.open()
        await run
