"""The answers of components, which differ in what they tell."""

from __future__ import annotations

from typing import Any

import pytest

from perdure_agent_framework.dapr_conversation.answers import to_response


def answer(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an answer as langchaingo's components make it: an output for each choice."""
    return {"outputs": [{"choices": [choice], **more} for choice in choices]}


def call(name: str, **more: str) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": "{}"}, **more}


def test_text_and_calls_that_come_apart_are_one_message() -> None:
    response = to_response(
        answer(
            {"finishReason": "tool_use", "message": {"content": "Let me see."}},
            {"finishReason": "tool_use", "message": {"toolCalls": [call("f", id="1")]}},
        ),
        component="c",
    )
    (message,) = response.messages
    assert [content.type for content in message.contents] == ["text", "function_call"]
    assert response.finish_reason == "tool_calls"


def test_calls_without_an_id_get_one_each() -> None:
    message = {"toolCalls": [call("f"), call("f", id="")]}
    response = to_response(answer({"message": message}), component="c")
    first, second = (content.call_id for content in response.messages[0].contents)
    assert first
    assert second
    assert first != second


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
        ("unknown", None),
        ("", None),
    ],
)
def test_reasons_to_finish_are_in_the_frameworks_words(said: str, reason: str | None) -> None:
    response = to_response(
        answer({"finishReason": said, "message": {"content": "x"}}), component="c"
    )
    assert response.finish_reason == reason


def test_tokens_are_numbers_also_those_of_caches_and_thoughts() -> None:
    usage = {
        "promptTokens": "9",
        "completionTokens": "4",
        "totalTokens": "13",
        "promptTokensDetails": {"cachedTokens": "8"},
        "completionTokensDetails": {"reasoningTokens": "3"},
    }
    response = to_response(
        answer({"message": {"content": "x"}}, usage=usage, model="m"), component="c"
    )
    assert response.model == "m"
    assert response.usage_details == {
        "input_token_count": 9,
        "output_token_count": 4,
        "total_token_count": 13,
        "cache_read_input_token_count": 8,
        "reasoning_output_token_count": 3,
    }
