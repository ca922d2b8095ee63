"""The events of a streamed answer of OpenAI's Responses, in the order in which OpenAI sends them.

The shapes are those of https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.testing.scripted_model.rendering import pieces_of_arguments, pieces_of_text
from perdure.testing.scripted_model.responses import (
    output_items,
    response_envelope,
    text_part,
    write_response,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.testing.scripted_model.conversation import ModelRequest
    from perdure.testing.scripted_model.rendering import Rendered


def stream_response(answer: Rendered, request: ModelRequest) -> list[dict[str, Any]]:
    """Return the data of the events."""
    begun = response_envelope(answer, request)
    ended = write_response(answer, request)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(output_items(answer)):
        of_item = _message_events(item) if item["type"] == "message" else _call_events(item)
        events += [{**event, "output_index": index} for event in of_item]
    events.append({"type": f"response.{ended['status']}", "response": ended})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _message_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    text = item["content"][0]["text"]
    of_part = {"item_id": item["id"], "content_index": 0}
    begun = {**item, "status": "in_progress", "content": []}
    yield {"type": "response.output_item.added", "item": begun}
    yield {"type": "response.content_part.added", **of_part, "part": text_part("")}
    for piece in pieces_of_text(text):
        yield {"type": "response.output_text.delta", **of_part, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **of_part, "text": text, "logprobs": []}
    yield {"type": "response.content_part.done", **of_part, "part": text_part(text)}
    yield {"type": "response.output_item.done", "item": item}


def _call_events(item: dict[str, Any]) -> Iterator[dict[str, Any]]:
    begun = {**item, "status": "in_progress", "arguments": ""}
    done = {"item_id": item["id"], "name": item["name"], "arguments": item["arguments"]}
    yield {"type": "response.output_item.added", "item": begun}
    for piece in pieces_of_arguments(item["arguments"]):
        yield {
            "type": "response.function_call_arguments.delta",
            "item_id": item["id"],
            "delta": piece,
        }
    yield {"type": "response.function_call_arguments.done", **done}
    yield {"type": "response.output_item.done", "item": item}
