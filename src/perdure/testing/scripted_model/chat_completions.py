"""OpenAI's Chat Completions: its requests understood, its answers and streams written.

The shapes are those of https://platform.openai.com/docs/api-reference/chat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.testing.scripted_model.api_errors import bad_request
from perdure.testing.scripted_model.conversation import CallMade, ConversationMessage, ModelRequest
from perdure.testing.scripted_model.fields import content_of, list_of, object_of, text_of
from perdure.testing.scripted_model.names import MODEL
from perdure.testing.scripted_model.rendering import (
    CREATED_AT,
    Rendered,
    pieces_of_arguments,
    pieces_of_text,
)

if TYPE_CHECKING:
    from typing import Literal

_ROLES: Final[dict[str, Literal["system", "user", "assistant", "tool"]]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}


def read_chat(body: dict[str, Any]) -> ModelRequest:
    """Return what a body asks.

    Raises:
        ApiError: It is not a request of this API.
    """
    response_format = object_of(body, "response_format")
    schema = object_of(response_format, "json_schema")
    tools = (object_of(tool, "function") for tool in list_of(body, "tools"))
    options = object_of(body, "stream_options")
    return ModelRequest(
        api="chat.completions",
        model=text_of(body, "model"),
        messages=tuple(_message(item) for item in list_of(body, "messages")),
        tools=tuple(text_of(tool, "name") for tool in tools if tool),
        output_schema=text_of(schema, "name") if schema else None,
        stream=bool(body.get("stream")),
        include_usage=bool(options.get("include_usage")),
    )


def write_chat(answer: Rendered, request: ModelRequest) -> dict[str, Any]:
    """Return the body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    return {
        **_envelope(answer, request, kind="chat.completion"),
        "choices": [choice],
        "usage": _usage(answer),
    }


def stream_chat(answer: Rendered, request: ModelRequest) -> list[dict[str, Any]]:
    """Return the data of the events of a streamed answer."""
    envelope = _envelope(answer, request, kind="chat.completion.chunk")
    if request.include_usage:
        envelope["usage"] = None
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": "" if answer.text else None}]
    deltas += [{"content": piece} for piece in pieces_of_text(answer.text or "")]
    for index, call in enumerate(answer.calls):
        deltas += _call_deltas(index, call)
    chunks = [{**envelope, "choices": [_choice(delta)]} for delta in deltas]
    chunks.append({**envelope, "choices": [_choice({}, finish=answer.finish)]})
    if request.include_usage:
        chunks.append({**envelope, "choices": [], "usage": _usage(answer)})
    return chunks


def _message(item: dict[str, Any]) -> ConversationMessage:
    role = _ROLES.get(text_of(item, "role"))
    if role is None:
        raise bad_request(f"no role {item['role']!r}; there are: {', '.join(_ROLES)}")
    text, attachments = content_of(item.get("content"))
    return ConversationMessage(
        role=role,
        text=text,
        attachments=attachments,
        calls=tuple(_call_made(call) for call in list_of(item, "tool_calls")),
        call_id=text_of(item, "tool_call_id") if role == "tool" else None,
    )


def _call_made(call: dict[str, Any]) -> CallMade:
    function = object_of(call, "function")
    return CallMade(
        id=text_of(call, "id"),
        tool=text_of(function, "name"),
        arguments=text_of(function, "arguments"),
    )


def _call(call: CallMade) -> dict[str, Any]:
    function = {"name": call.tool, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _call_deltas(index: int, call: CallMade) -> list[dict[str, Any]]:
    first = {"index": index, **_call(CallMade(id=call.id, tool=call.tool, arguments=""))}
    rest = [
        {"index": index, "function": {"arguments": piece}}
        for piece in pieces_of_arguments(call.arguments)
    ]
    return [{"tool_calls": [delta]} for delta in [first, *rest]]


def _choice(delta: dict[str, Any], *, finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _envelope(answer: Rendered, request: ModelRequest, *, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.digest}",
        "object": kind,
        "created": CREATED_AT,
        "model": request.model,
        "system_fingerprint": MODEL,
    }


def _usage(answer: Rendered) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
