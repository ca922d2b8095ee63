"""An agent's response as JSON, as it comes from a turn to whoever waits for it."""

from __future__ import annotations

from typing import Any

from agent_framework import AgentResponse, AgentResponseUpdate
from pydantic_core import to_jsonable_python

Json = dict[str, Any]


def response_to_json(response: AgentResponse[Any]) -> Json:
    """Return ``response`` without what only the process that got it can use."""
    data: Json = to_jsonable_python(response.to_dict(), fallback=lambda _: None)
    return data


def response_from_json(data: Json, *, response_format: Any = None) -> AgentResponse[Any]:
    """Return the response of :func:`response_to_json`.

    Args:
        data: What was stored.
        response_format: What the response's ``value`` is to be read as.
    """
    response: AgentResponse[Any] = AgentResponse.from_dict(data)
    if response_format is not None:
        response._response_format = response_format
    return response


def updates_of(response: AgentResponse[Any]) -> list[AgentResponseUpdate]:
    """Return a whole response as the updates of a stream, one for each message."""
    return [
        AgentResponseUpdate(
            contents=message.contents,
            role=message.role,
            author_name=message.author_name,
            agent_id=response.agent_id,
            response_id=response.response_id,
            message_id=message.message_id,
            created_at=response.created_at,
            additional_properties=dict(message.additional_properties),
        )
        for message in response.messages
    ]
