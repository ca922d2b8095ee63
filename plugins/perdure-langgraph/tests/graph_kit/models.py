"""LangChain's own OpenAI client on a scripted model."""

from __future__ import annotations

import httpx
from langchain_openai import ChatOpenAI
from pydantic import SecretStr

from perdure.testing.scripted_model import MODEL


def chat_model(url: str) -> ChatOpenAI:
    """Return a client of the scripted model, for any event loop."""
    # No connection outlives its request: the loops of tests come and go.
    limits = httpx.Limits(max_keepalive_connections=0)
    return ChatOpenAI(
        model=MODEL,
        base_url=url,
        api_key=SecretStr("none"),
        max_retries=0,
        http_async_client=httpx.AsyncClient(limits=limits, trust_env=False),
        http_client=httpx.Client(limits=limits, trust_env=False),
    )
