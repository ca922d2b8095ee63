"""OpenAI's Responses: its requests understood, its answers written; see ``response_events``.

The shapes are those of https://platform.openai.com/docs/api-reference/responses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perdure.testing.scripted_model.api_errors import bad_request, unknown_answer
from perdure.testing.scripted_model.conversation import CallMade, ConversationMessage, ModelRequest
from perdure.testing.scripted_model.fields import content_of, list_of, object_of, text_of
from perdure.testing.scripted_model.rendering import CREATED_AT, Rendered

if TYPE_CHECKING:
    from typing import Literal

    from perdure.testing.scripted_model.state import ServerState

_ROLES: Final[dict[str, Literal["system", "user", "assistant"]]] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}


def read_response(body: dict[str, Any], *, state: ServerState) -> ModelRequest:
    """Return what a body asks, with the stored conversation that it continues.

    Raises:
        ApiError: It is not a request of this API, or continues what was not stored.
    """
    instructions = body.get("instructions")
    system = [] if instructions is None else [_system(text_of(body, "instructions"))]
    output_format = object_of(object_of(body, "text"), "format")
    is_schema = output_format.get("type") == "json_schema"
    functions = [tool for tool in list_of(body, "tools") if tool.get("type") == "function"]
    return ModelRequest(
        api="responses",
        model=text_of(body, "model"),
        messages=(*system, *_earlier(body, state), *new_messages(body)),
        tools=tuple(text_of(tool, "name") for tool in functions),
        output_schema=text_of(output_format, "name") if is_schema else None,
        stream=bool(body.get("stream")),
        store=body.get("store") is not False,
    )


def new_messages(body: dict[str, Any]) -> tuple[ConversationMessage, ...]:
    """Return the messages of the body's own input."""
    if isinstance(body.get("input"), str):
        return (ConversationMessage(role="user", text=body["input"]),)
    return tuple(_message(item) for item in list_of(body, "input"))


def response_id(answer: Rendered) -> str:
    """Return the id by which the conversation can be continued."""
    return f"resp_{answer.digest}"


def write_response(answer: Rendered, request: ModelRequest) -> dict[str, Any]:
    """Return the body of an answer that is not streamed, which is also a stream's last event."""
    reason = _INCOMPLETE.get(answer.finish)
    return {
        **response_envelope(answer, request),
        "status": "completed" if reason is None else "incomplete",
        "incomplete_details": None if reason is None else {"reason": reason},
        "output": output_items(answer),
        "usage": _usage(answer),
    }


def response_envelope(answer: Rendered, request: ModelRequest) -> dict[str, Any]:
    """Return what an answer has before anything was put out."""
    return {
        "id": response_id(answer),
        "object": "response",
        "created_at": CREATED_AT,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": request.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "store": request.store,
        "usage": None,
    }


def output_items(answer: Rendered) -> list[dict[str, Any]]:
    """Return what an answer puts out: its text, then its calls."""
    items: list[dict[str, Any]] = []
    if answer.text is not None:
        items.append(
            {
                "type": "message",
                "id": f"msg_{answer.digest}",
                "role": "assistant",
                "status": "completed",
                "content": [text_part(answer.text)],
            }
        )
    return items + [_call_item(call) for call in answer.calls]


def text_part(text: str) -> dict[str, Any]:
    """Return a text as a part of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _earlier(body: dict[str, Any], state: ServerState) -> tuple[ConversationMessage, ...]:
    if body.get("previous_response_id") is None:
        return ()
    previous = text_of(body, "previous_response_id")
    try:
        return state.conversation(previous)
    except LookupError:
        raise unknown_answer(previous) from None


def _message(item: dict[str, Any]) -> ConversationMessage:
    match item.get("type", "message"):
        case "message":
            role = _ROLES.get(text_of(item, "role"))
            if role is None:
                raise bad_request(f"no role {item['role']!r}; there are: {', '.join(_ROLES)}")
            text, attachments = content_of(item.get("content"))
            return ConversationMessage(role=role, text=text, attachments=attachments)
        case "function_call":
            call = CallMade(
                id=text_of(item, "call_id"),
                tool=text_of(item, "name"),
                arguments=text_of(item, "arguments"),
            )
            return ConversationMessage(role="assistant", calls=(call,))
        case "function_call_output":
            text, attachments = content_of(item.get("output"))
            call_id = text_of(item, "call_id")
            return ConversationMessage(
                role="tool", text=text, attachments=attachments, call_id=call_id
            )
        case other:
            raise bad_request(f"no input of type {other!r} is known to it")


def _system(text: str) -> ConversationMessage:
    return ConversationMessage(role="system", text=text)


def _call_item(call: CallMade) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{call.id}",
        "call_id": call.id,
        "name": call.tool,
        "arguments": call.arguments,
        "status": "completed",
    }


def _usage(answer: Rendered) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
