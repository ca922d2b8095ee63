"""API keys and headers are in no history, no error and no log."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import perdure
from models.asking import API_KEY, agent_of, app_asking, client_of
from perdure import RetryPolicy, WorkflowFailedError
from perdure.testing import run_in_memory
from perdure.testing.scripted_model import ScriptedModel, when
from perdure_agent_framework.policies import ModelPolicy, Policies
from perdure_agent_framework.registration import register

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "header-token-4471-Kx"
OTHER_KEY = "plain9key0without1prefix"


def _all_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("api_key", [API_KEY, OTHER_KEY])
async def test_no_key_in_the_database_in_errors_or_in_logs(
    api_key: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    rules = [
        when().fails(503, times=1),
        when(user="bad").fails(401, message=f"Incorrect API key provided: {api_key}"),
        when().fails(401, message=f"denied {{'Authorization': 'Bearer {HEADER}'}}"),
    ]
    retry = RetryPolicy(initial_interval=timedelta())
    async with ScriptedModel(rules) as model:
        client = client_of(
            model.url, api_key=api_key, default_headers={"Authorization": f"Bearer {HEADER}"}
        )
        app = app_asking(
            agent_of(client),
            Policies(model=ModelPolicy(retry=retry)),
            backend=f"sqlite:///{tmp_path / 'perdure.db'}",
        )
        async with app.run() as running:
            for question in ("bad", "denied"):
                handle = await running.start("ask", question)
                with pytest.raises(WorkflowFailedError) as caught:
                    await handle.result()
                assert "authentication" in str(caught.value)
                assert "[redacted]" in str(caught.value)
                assert api_key not in repr(caught.value.failure)
                assert HEADER not in repr(caught.value.failure)
    stored = _all_of(tmp_path)
    # It is the right file: what was asked and answered is in it.
    assert b"denied" in stored
    assert api_key.encode() not in stored
    assert HEADER.encode() not in stored
    ours = [it for it in caplog.records if it.name.startswith("perdure")]
    assert ours
    text = "\n".join(logging.Formatter().format(record) for record in ours)
    assert api_key not in text
    assert HEADER not in text


@pytest.mark.parametrize(
    "keywords",
    [
        {"client_kwargs": {"extra_headers": {"Authorization": "Bearer x"}}},
        {"client_kwargs": {"extra_headers": {"x-api-key": "x"}}},
        {"client_kwargs": {"api_key": "x"}},
        {"options": {"extra_headers": {"Api-Key": "x"}}},
    ],
)
async def test_secrets_given_to_a_call_are_refused_before_they_are_stored(
    keywords: dict[str, Any],
) -> None:
    async with ScriptedModel([when().says("hello")]) as model:
        agent = agent_of(client_of(model.url))
        app = perdure.App("asking")
        register(app, agent)

        @app.workflow
        async def ask() -> str:
            return str(await agent.run("hi", **keywords))

        async with run_in_memory(app) as env:
            handle = await env.client.start(ask)
            with pytest.raises(WorkflowFailedError, match=r"looks like a secret.*default_headers"):
                await handle.result()
        assert model.requests() == []
