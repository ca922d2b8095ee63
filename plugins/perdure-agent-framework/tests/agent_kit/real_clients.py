"""The framework's own OpenAI clients on a scripted model, with each request recorded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
from agent_framework_openai import OpenAIChatClient, OpenAIChatCompletionClient
from openai import AsyncOpenAI

from perdure.testing.scripted_model import MODEL

if TYPE_CHECKING:
    from agent_kit.recording import Recording

API_KEY = "sk-secret-of-the-tests"
_OF_STREAMS = frozenset({"stream", "stream_options"})


def completions_client(
    url: str, recording: Recording, *, model: str = MODEL, **options: Any
) -> OpenAIChatCompletionClient[Any]:
    """Return a client that speaks Chat Completions."""
    api = openai_client(url, recording)
    return OpenAIChatCompletionClient(model=model, async_client=api, **options)


def responses_client(
    url: str, recording: Recording, *, model: str = MODEL, **options: Any
) -> OpenAIChatClient[Any]:
    """Return a client that speaks the Responses API."""
    return OpenAIChatClient(model=model, async_client=openai_client(url, recording), **options)


def openai_client(url: str, recording: Recording) -> AsyncOpenAI:
    """Return OpenAI's own client; what it sends is recorded as it goes out."""

    async def record(request: httpx.Request) -> None:
        body = json.loads(request.content)
        # What a workflow streams is asked for as a whole: its live pieces go another way.
        recording.model_called({key: body[key] for key in body if key not in _OF_STREAMS})

    # Of any class: OpenAI's annotation names a copy of httpx that it brings.
    http: Any = httpx.AsyncClient(
        event_hooks={"request": [record]},
        # No connection outlives its request: the loops of tests come and go.
        limits=httpx.Limits(max_keepalive_connections=0),
        trust_env=False,
    )
    return AsyncOpenAI(base_url=url, api_key=API_KEY, http_client=http, max_retries=0)
