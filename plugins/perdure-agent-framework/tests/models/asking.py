"""An agent on the scripted model, in a workflow that asks it one question."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent_framework import Agent
from agent_framework_openai import OpenAIChatCompletionClient
from openai import AsyncOpenAI

import perdure
from perdure.testing.scripted_model import MODEL
from perdure_agent_framework.registration import register
from perdure_agent_framework.scope import turn_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent
    from perdure_agent_framework.policies import Policies

API_KEY = "sk-test-Zq81_verysecret-7731"


def client_of(
    url: str, *, model: str = MODEL, api_key: str = API_KEY, **options: Any
) -> OpenAIChatCompletionClient[Any]:
    """Return the framework's own client, with what OpenAI's does by default."""
    # Loops of tests come and go, and a connection of an earlier one would be of no use.
    headers = {"connection": "close", **options.pop("default_headers", {})}
    api = AsyncOpenAI(base_url=url, api_key=api_key, default_headers=headers, **options)
    return OpenAIChatCompletionClient(model=model, async_client=api)


def agent_of(client: Any, *, tools: Any = None, **keywords: Any) -> Agent[Any]:
    """Return an agent named ``a``."""
    return Agent(client, "be brief", name="a", tools=tools, **keywords)


def app_asking(
    agent: Agent[Any], policies: Policies | None = None, *, stream_id: str | None = None, **app: Any
) -> perdure.App:
    """Return an app whose workflow ``ask`` gives the text of what an agent answers."""
    asking = perdure.App("asking", **app)
    register(asking, agent, policies=policies)

    @asking.workflow
    async def ask(question: str) -> str:
        turn_stream.set(stream_id)
        return (await agent.run(question)).text

    return asking


def bytes_of(history: Sequence[HistoryEvent], *, name: str | None = None) -> int:
    """Return how large payloads are in a history, by their text as it is stored."""
    total = 0
    for event in history:
        if name is None or getattr(event, "name", name) == name:
            total += len(getattr(event, "arguments", "")) + len(getattr(event, "result", ""))
    return total


def as_json(text: str) -> Any:
    """Return what JSON text says."""
    return json.loads(text)
