"""Deployments: workers that have an agent beside workers that do not have it yet, or any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel
from perdure_agent_framework import DurableAgentRunner, ModelCallError
from perdure_agent_framework.catalogue import Catalogue, catalogue_of
from perdure_agent_framework.models.activity import call_model
from perdure_agent_framework.models.call import MODEL_ACTIVITY
from sessions.desk import ECHO, support_agent

if TYPE_CHECKING:
    from pathlib import Path


def app_with(url: str, name: str, backend: str | None = None) -> tuple[perdure.App, Any]:
    """Return an app that has an agent of that name, and the agent's runner."""
    app = perdure.App("desk", backend=backend)
    return app, DurableAgentRunner(support_agent(url, name=name), app=app)


def catalogue_with(url: str, name: str) -> Catalogue:
    """Return what a worker knows whose app has an agent of that name."""
    app, _ = app_with(url, name)
    catalogue = catalogue_of(app)
    assert catalogue is not None
    return catalogue


@pytest.mark.parametrize("session_id", ["a", None], ids=["in a session", "alone"])
async def test_a_turn_waits_for_a_worker_that_has_its_agent(
    tmp_path: Path, session_id: str | None
) -> None:
    async with ScriptedModel([ECHO]) as model:
        backend = f"sqlite:///{tmp_path}/desk.db"
        before, _ = app_with(model.url, "other", backend)
        now, runner = app_with(model.url, "support", backend)
        soon = timedelta(seconds=0.5)
        async with before.run(), now.client():
            with pytest.raises(TimeoutError, match="it goes on"):
                await runner.run("hi", session_id=session_id, message_id="m", timeout=soon)
            async with now.run():
                reply = await runner.run("hi", session_id=session_id, message_id="m")
                assert reply.text == "you said hi"
                assert (await runner.run("on", session_id="a")).text == "you said on"


async def test_agents_of_any_name_have_conversations() -> None:
    names = ["Übersetzer", "a b", "a.b", "a_b", "a" * 200, "a" * 201]
    async with ScriptedModel([ECHO]) as model:
        app = perdure.App("desk")
        runners = [DurableAgentRunner(support_agent(model.url, name=it), app=app) for it in names]
        async with run_in_memory(app) as env:
            for runner in runners:
                reply = await runner.using(env.client).run("hi", session_id="a")
                assert reply.text == "you said hi"


async def test_a_model_call_that_meets_a_worker_without_the_model_is_made_again() -> None:
    async with ScriptedModel([ECHO]) as model:
        app, runner = app_with(model.url, "support")
        workers = [catalogue_with(model.url, name) for name in ("other", "support")]

        async def on_another_worker(request: dict[str, Any]) -> dict[str, Any]:
            return await call_model(workers.pop(0), request)

        async with run_in_memory(app, activities={MODEL_ACTIVITY: on_another_worker}) as env:
            run = asyncio.create_task(runner.using(env.client).run("hi"))
            while len(workers) > 1:
                await asyncio.sleep(0.01)
            await env.advance(minutes=1)
            assert (await run).text == "you said hi"


async def test_a_model_that_no_worker_has_is_told_as_that() -> None:
    async with ScriptedModel([ECHO]) as model:
        app, runner = app_with(model.url, "support")
        other = catalogue_with(model.url, "other")

        async def on_another_worker(request: dict[str, Any]) -> dict[str, Any]:
            return await call_model(other, request)

        async with run_in_memory(app, activities={MODEL_ACTIVITY: on_another_worker}) as env:
            run = asyncio.create_task(runner.using(env.client).run("hi"))
            while not run.done():
                await env.advance(minutes=1)
            with pytest.raises(ModelCallError, match="this app has no model 'support'") as caught:
                await run
            assert (caught.value.kind, caught.value.attempts) == ("connection", 6)
            assert model.requests() == []
