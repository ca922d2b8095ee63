"""Asking a scripted model by the real ``openai`` client, by either API, streamed or not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import openai

from perdure.testing.scripted_model import MODEL, Rule, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

KEY = "sk-a-key-that-nobody-may-see"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model said, whichever way it was asked."""

    text: str
    calls: tuple[tuple[str, str], ...]
    finish: str | None
    input_tokens: int
    output_tokens: int


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give a client that does not try again by itself."""
    async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=10) as client:
        yield client


@asynccontextmanager
async def talk(
    *rules: Rule, log: Path | None = None, state: Path | None = None
) -> AsyncIterator[tuple[ScriptedModel, openai.AsyncOpenAI]]:
    """Give a scripted model and a client for it."""
    async with ScriptedModel(rules, log=log, state=state) as model, client_of(model.url) as client:
        yield model, client


async def chat(client: openai.AsyncOpenAI, text: str, **options: Any) -> Said:
    """Ask by Chat Completions."""
    answer = await client.chat.completions.create(
        model=options.pop("model", MODEL), messages=[{"role": "user", "content": text}], **options
    )
    choice, usage = answer.choices[0], answer.usage
    assert usage is not None
    calls = [call for call in choice.message.tool_calls or [] if call.type == "function"]
    return Said(
        text=choice.message.content or "",
        calls=tuple((call.function.name, call.function.arguments) for call in calls),
        finish=choice.finish_reason,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
    )


async def chat_streamed(client: openai.AsyncOpenAI, text: str, **options: Any) -> Said:
    """Ask by Chat Completions, with a stream that the client puts together."""
    async with client.chat.completions.stream(
        model=options.pop("model", MODEL),
        messages=[{"role": "user", "content": text}],
        stream_options={"include_usage": True},
        **options,
    ) as stream:
        answer = await stream.get_final_completion()
    choice, usage = answer.choices[0], answer.usage
    assert usage is not None
    return Said(
        text=choice.message.content or "",
        calls=tuple(
            (call.function.name, call.function.arguments)
            for call in choice.message.tool_calls or []
        ),
        finish=choice.finish_reason,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
    )


async def respond(client: openai.AsyncOpenAI, text: str, **options: Any) -> Said:
    """Ask by Responses."""
    answer = await client.responses.create(model=options.pop("model", MODEL), input=text, **options)
    return _said(answer)


async def respond_streamed(client: openai.AsyncOpenAI, text: str, **options: Any) -> Said:
    """Ask by Responses, with a stream that the client puts together."""
    async with client.responses.stream(
        model=options.pop("model", MODEL), input=text, **options
    ) as stream:
        return _said(await stream.get_final_response())


def _said(answer: Any) -> Said:
    calls = [item for item in answer.output if item.type == "function_call"]
    reason = answer.incomplete_details.reason if answer.incomplete_details else None
    finish = {"max_output_tokens": "length", None: "tool_calls" if calls else "stop"}[reason]
    return Said(
        text=answer.output_text,
        calls=tuple((call.name, call.arguments) for call in calls),
        finish=finish,
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
    )


WAYS: dict[str, Callable[..., Coroutine[Any, Any, Said]]] = {
    "chat": chat,
    "chat-streamed": chat_streamed,
    "responses": respond,
    "responses-streamed": respond_streamed,
}
