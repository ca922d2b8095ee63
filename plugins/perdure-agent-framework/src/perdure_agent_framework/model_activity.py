"""The activity of a model call: the framework's own client, called for real, once."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from perdure_agent_framework.conversion import (
    Json,
    message_from_json,
    options_from_json,
    response_to_json,
)

if TYPE_CHECKING:
    from agent_framework import ChatResponse

    from perdure_agent_framework.catalogue import Catalogue


async def call_model(catalogue: Catalogue, request: Json) -> Json:
    """Return the answer of the model that ``request`` names, or what went wrong.

    Raises:
        AgentNotRegisteredError: This app does not have the model.
    """
    client = catalogue.find_model(request["model"])
    messages = [message_from_json(message) for message in request["messages"]]
    options = options_from_json(request["options"])
    response = await client._inner_get_response(messages=messages, stream=False, options=options)
    _stamp(response)
    return {"response": response_to_json(response)}


def _stamp(response: ChatResponse[Any]) -> None:
    """Give tool calls without an id of the framework's one here, where chance may have a say."""
    for message in response.messages:
        for content in message.contents:
            if content.type == "function_call" and content.id is None:
                content.id = f"af-call-{uuid.uuid4().hex}"
