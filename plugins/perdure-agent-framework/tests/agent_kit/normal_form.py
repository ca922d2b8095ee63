"""What runs gave, as JSON, so that a plain run and a durable one can be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent_framework import AgentResponse, ChatResponse, Content, Message
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from agent_kit.recording import canonical

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# A client's own object for an answer stays in the process that got the answer.
_LEFT_OUT = frozenset({"raw_representation"})


async def outcome_of(run: Callable[[], Awaitable[Any]]) -> Any:
    """Return the result of ``run`` as JSON, or the error that it raised."""
    try:
        return normal(await run())
    except Exception as error:  # noqa: BLE001 - to be compared, whatever it is
        return {"raised": type(error).__name__, "text": str(error)}


def normal(value: Any) -> Any:
    """Return ``value`` as JSON without what is random."""
    return json.loads(canonical(to_jsonable_python(_plain(value))))


def spoken(messages: Iterable[Message]) -> list[Any]:
    """Return what was said in messages, without the provider's ids and notes on it.

    Those of an answer that was streamed are others than those of one that came as a whole.
    """
    return [
        [message.role, [_said(content) for content in message.contents]] for message in messages
    ]


def _said(content: Content) -> Any:
    match content.type:
        case "function_call":
            return ["calls", content.name, content.arguments]
        case "function_result":
            return ["result", str(content.result)]
        case _:
            return [content.type, content.text]


def _plain(value: Any) -> Any:
    if isinstance(value, AgentResponse | ChatResponse):
        return {**_plain(value.to_dict()), "text": value.text, "value": _plain(_value_of(value))}
    if isinstance(value, Message | Content):
        return _plain(value.to_dict())
    if isinstance(value, BaseModel):
        return {type(value).__name__: value.model_dump(mode="json")}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items() if key not in _LEFT_OUT}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _value_of(response: Any) -> Any:
    try:
        return response.value
    except ValueError as error:
        return f"no value: {type(error).__name__}"
