"""What can be asked of a conversation, and what the Conversation API has no place for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from agent_framework import ChatOptions
from pydantic import TypeAdapter, ValidationError

from perdure_agent_framework.dapr_conversation.errors import DaprRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping


class DaprConversationOptions(ChatOptions[None], total=False):
    """The framework's options and Dapr's own.

    Of the framework's: ``instructions``, ``temperature``, ``tools``, ``tool_choice``,
    ``response_format`` and ``metadata``. The others, ``model`` for one, belong to the component.

    Attributes:
        context_id: A name for the conversation. The sidecar gives it back and keeps nothing under
            it, so messages are sent in full with each call.
        scrub_input: Whether the sidecar takes out what identifies people before the model sees it.
        scrub_output: The same for the model's answer.
        prompt_cache_retention: How long the model's maker may keep the prompt's prefix cached.
    """

    context_id: str
    scrub_input: bool
    scrub_output: bool
    prompt_cache_retention: timedelta


_SENT: Final = frozenset(
    {"instructions", "temperature", "tools", "tool_choice", "response_format", "metadata"}
    | {"context_id", "scrub_input", "scrub_output", "prompt_cache_retention"}
)
_TIMEDELTA: Final = TypeAdapter(timedelta)
# What these ask for is so anyway.
_GIVEN_ANYWAY: Final[Mapping[str, object]] = {"store": False, "allow_multiple_tool_calls": True}
_REMEDIES: Final[Mapping[str, str]] = {
    "model": "the component names its model: set it there, and use a component for each model",
    "conversation_id": "the sidecar keeps no conversations: use a session of the framework",
    "user": "put it into metadata",
}


def check_options(options: Mapping[str, Any], *, component: str) -> None:
    """Refuse what would be dropped without a word.

    Raises:
        DaprRequestError: An option that the Conversation API has no place for.
    """
    for name, value in options.items():
        if value is None or name in _SENT or _GIVEN_ANYWAY.get(name) is value:
            continue
        remedy = _REMEDIES.get(name, "leave it out, or call the model by a client of its own")
        problem = f"Dapr's Conversation API has no option {name!r}; {remedy}"
        raise DaprRequestError(problem, component=component)


def plain_options(options: Mapping[str, Any], *, component: str) -> dict[str, Any]:
    """Return the part of a request that says how to converse; tools and messages are elsewhere.

    Raises:
        DaprRequestError: Metadata that is not text.
    """
    request: dict[str, Any] = {}
    if (temperature := options.get("temperature")) is not None:
        request["temperature"] = float(temperature)
    if metadata := options.get("metadata"):
        if not all(isinstance(text, str) for pair in metadata.items() for text in pair):
            problem = "metadata must be of type dict[str, str]: Dapr takes text only"
            raise DaprRequestError(problem, component=component)
        request["metadata"] = dict(metadata)
    if context_id := options.get("context_id"):
        request["contextId"] = context_id
    if options.get("scrub_output"):
        request["scrubPii"] = True
    if (retention := options.get("prompt_cache_retention")) is not None:
        request["promptCacheRetention"] = _duration(retention, component=component)
    return request


def _duration(value: object, *, component: str) -> str:
    """Return a duration as protobuf writes it in JSON; a durable agent's comes as ISO text."""
    try:
        duration = _TIMEDELTA.validate_python(value)
    except ValidationError as error:
        problem = f"prompt_cache_retention must be a timedelta, not {value!r}"
        raise DaprRequestError(problem, component=component) from error
    return f"{duration.total_seconds():.6f}s"
