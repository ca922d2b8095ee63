"""What is sent to the sidecar, and what is refused because it would be dropped on the way."""

from __future__ import annotations

from datetime import timedelta
from enum import IntEnum
from typing import Any, Literal

import pytest
from agent_framework import Content, Message
from pydantic import BaseModel

from perdure_agent_framework.dapr_conversation import DaprRequestError
from perdure_agent_framework.dapr_conversation.messages import to_dapr_messages
from perdure_agent_framework.dapr_conversation.options import check_options, plain_options
from perdure_agent_framework.dapr_conversation.schemas import response_format_of
from perdure_agent_framework.dapr_conversation.tools import tool_options


class Zone(BaseModel):
    name: Literal["CET", "EET"]


class Place(BaseModel):
    """A place."""

    city: str
    zones: list[Zone]


class Level(IntEnum):
    LOW = 1


class Tree(BaseModel):
    children: list[Tree]


def refusal(part: Any, *arguments: Any, **more: Any) -> str:
    with pytest.raises(DaprRequestError) as caught:
        part(*arguments, component="c", **more)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


def test_options_are_sent_in_daprs_words() -> None:
    options = {
        "temperature": 0,
        "metadata": {"team": "blue"},
        "context_id": "chat-1",
        "scrub_output": True,
        "prompt_cache_retention": timedelta(hours=24),
        "top_p": None,
        "store": False,
        "allow_multiple_tool_calls": True,
    }
    check_options(options, component="c")
    assert plain_options(options, component="c") == {
        "temperature": 0.0,
        "metadata": {"team": "blue"},
        "contextId": "chat-1",
        "scrubPii": True,
        "promptCacheRetention": "86400.000000s",
    }


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ({"model": "m"}, "no option 'model'; the component names its model"),
        ({"max_tokens": 5}, "no option 'max_tokens'; leave it out"),
        ({"store": True}, "no option 'store'"),
        ({"allow_multiple_tool_calls": False}, "no option 'allow_multiple_tool_calls'"),
        ({"conversation_id": "x"}, "keeps no conversations: use a session"),
        ({"reasoning": {}}, "no option 'reasoning'"),
    ],
)
def test_an_option_that_dapr_has_no_place_for_is_refused(
    option: dict[str, Any], remedy: str
) -> None:
    assert remedy in refusal(check_options, option)


def test_a_duration_may_have_been_stored_as_text() -> None:
    request = plain_options({"prompt_cache_retention": "P1D"}, component="c")
    assert request == {"promptCacheRetention": "86400.000000s"}
    assert "must be a timedelta, not 'long'" in refusal(
        plain_options, {"prompt_cache_retention": "long"}
    )


def test_metadata_that_is_not_text_is_refused() -> None:
    assert "metadata must be of type dict[str, str]" in refusal(
        plain_options, {"metadata": {"n": 1}}
    )


def test_each_tool_result_is_a_message_with_the_name_of_its_tool() -> None:
    messages = [
        Message("assistant", [Content.from_function_call("1", "f", arguments={"n": "é"})]),
        Message(
            "tool",
            [
                Content.from_function_result("1", result=""),
                Content.from_function_result("2", result={"n": None}),
            ],
        ),
    ]
    said = to_dapr_messages(messages, instructions="Be brief.", component="c")
    call = {"id": "1", "function": {"name": "f", "arguments": '{"n": "é"}'}}
    assert said == [
        {"ofSystem": {"content": [{"text": "Be brief."}]}},
        {"ofAssistant": {"content": [], "toolCalls": [call]}},
        {"ofTool": {"toolId": "1", "name": "f", "content": [{"text": ""}]}},
        {"ofTool": {"toolId": "2", "name": "", "content": [{"text": '{"n": null}'}]}},
    ]


def test_what_is_the_frameworks_own_is_not_sent() -> None:
    call = Content.from_function_call("1", "f", arguments={})
    messages = [
        Message("assistant", [Content.from_text_reasoning(text="hm"), Content.from_text("")]),
        Message("assistant", [Content.from_function_approval_request("1", call)]),
    ]
    assert to_dapr_messages(messages, instructions=None, component="c") == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (Message("user", [Content.from_data(b"x", "image/png")]), "a message has image/png"),
        (Message("critic", ["no"]), "no text in a message of role 'critic'"),
        (
            Message("user", [Content.from_function_call("1", "f", arguments={})]),
            "no tool calls in a message of role 'user'",
        ),
    ],
)
def test_a_message_that_dapr_cannot_carry_is_refused(message: Message, problem: str) -> None:
    assert problem in refusal(to_dapr_messages, [message], instructions=None)


def test_tools_that_are_no_functions_are_refused() -> None:
    assert "not 'web_search'" in refusal(tool_options, {"tools": [{"type": "web_search"}]})


def test_a_tool_that_must_be_called_must_be_there() -> None:
    choice = {"mode": "required", "required_function_name": "g"}
    spec = {"type": "function", "function": {"name": "f"}}
    assert "requires g, and the tools offered are: f" in refusal(
        tool_options, {"tools": [spec], "tool_choice": choice}
    )
    assert "requires one, and the tools offered are: none" in refusal(
        tool_options, {"tool_choice": "required"}
    )
    assert tool_options({"tools": [], "tool_choice": "auto"}, component="c") == {}


def test_a_model_class_is_sent_without_references() -> None:
    zone = {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": ["CET", "EET"]}},
        "required": ["name"],
        "additionalProperties": False,
    }
    assert response_format_of(Place, component="c") == {
        "name": "Place",
        "type": "object",
        "description": "A place.",
        "properties": {"city": {"type": "string"}, "zones": {"type": "array", "items": zone}},
        "required": ["city", "zones"],
        "additionalProperties": False,
        "strict": True,
    }


def test_a_schema_may_come_as_openai_has_it() -> None:
    schema = {
        "type": "object",
        "properties": {"note": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    }
    wrapped = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    result = response_format_of(wrapped, component="c")
    assert result is not None
    assert (result["name"], result["strict"]) == ("n", False)
    assert result["properties"] == {"note": {"type": "string"}}
    assert response_format_of(None, component="c") is None


@pytest.mark.parametrize(
    ("annotation", "problem"),
    [
        (int | str, "'value' of response_format has no single type"),
        (str | None, "'value' of response_format has no single type"),  # null must be sayable
        (dict[str, int], "'value' of response_format is an object whose properties"),
        (list[Any], "'value[]' of response_format has no single type"),
        (Level, "'value' of response_format lists values that are not text"),
        (Tree, "'value.children[]' of response_format contains itself"),
    ],
)
def test_a_form_that_daprd_would_drop_is_refused(annotation: Any, problem: str) -> None:
    model = type("Model", (BaseModel,), {"__annotations__": {"value": annotation}})
    assert problem in refusal(response_format_of, model)


@pytest.mark.parametrize(
    "asked", [{"type": "json_object"}, {"type": "string"}, "json", int, {"type": "json_schema"}]
)
def test_what_is_no_schema_of_an_object_is_refused(asked: object) -> None:
    assert "response_format must be" in refusal(response_format_of, asked)
