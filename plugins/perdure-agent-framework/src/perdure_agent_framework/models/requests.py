"""What a workflow sends to the activity of a model call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError, to_jsonable_python

from perdure_agent_framework.conversion import Json, options_to_json
from perdure_agent_framework.errors import NotDurableError
from perdure_agent_framework.models.message_copies import message_copies
from perdure_agent_framework.models.message_notes import notes_of, without_notes
from perdure_agent_framework.models.transcripts import transcript_memory
from perdure_agent_framework.redaction import secret_names
from perdure_agent_framework.tools.pinned import PINS, pins_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_framework import Message

    from perdure_agent_framework.policies import ModelPolicy

_OF_THE_WORKFLOW = frozenset({"session", "middleware"})
_SHOWN_TO_MODELS = frozenset({"instructions", "metadata", "response_format", "tools"})


def fallback_keys(model: str, policy: ModelPolicy) -> list[str]:
    """Return the keys of the fallbacks of a model."""
    return [f"{model}/fallback-{number}" for number in range(1, len(policy.fallbacks) + 1)]


def keywords_to_json(keywords: Mapping[str, Any]) -> Json:
    """Return the keywords of a client's own that travel: not the session, not private ones.

    Raises:
        NotDurableError: One cannot be stored, or is a secret.
    """
    travelling = {
        name: value
        for name, value in keywords.items()
        if name not in _OF_THE_WORKFLOW and not name.startswith("_") and value is not None
    }
    _refuse_secrets(travelling, "client_kwargs")
    return {name: _plain(name, value) for name, value in travelling.items()}


def sent(
    messages: Sequence[Message],
    options: Mapping[str, Any],
    *,
    conversation: str | None,
    is_fallback: bool,
) -> Json:
    """Return messages and options as they are sent: what is new in the conversation, or all.

    Args:
        messages: What the framework sends.
        options: The options that it sends with them.
        conversation: What the messages go on with; ``None`` to send all.
        is_fallback: Whether they go to another client than the framework calls.

    Raises:
        NotDurableError: Something cannot be stored, or is a secret.
    """
    refuse_secret_options(options)
    if is_fallback:
        # The framework names the model of the client that it calls; a fallback has its own.
        options = {name: value for name, value in options.items() if name != "model"}
    plain = message_copies().to_json(messages, conversation=conversation)
    notes, plain = notes_of(plain), without_notes(plain)
    stored = options_to_json(options)
    if pins := pins_of(options.get("tools")):
        stored[PINS] = pins
    if conversation is None:
        return {"messages": plain, "options": stored, "notes": notes}
    return {**transcript_memory().request(conversation, plain, stored), "notes": notes}


def refuse_secret_options(options: Mapping[str, Any]) -> None:
    """Raise if something among the options of a model call is likely a secret.

    Raises:
        NotDurableError: Something is.
    """
    _refuse_secrets(
        {name: value for name, value in options.items() if name not in _SHOWN_TO_MODELS},
        "options",
    )


def _plain(name: str, value: Any) -> Any:
    try:
        return to_jsonable_python(value)
    except PydanticSerializationError as err:
        what = f"keyword {name!r} of a model call ({err})"
        raise NotDurableError(what=what, remedy="use JSON types, or give it to the client") from err


def _refuse_secrets(values: Mapping[str, Any], path: str) -> None:
    for place in secret_names(values, path):
        raise NotDurableError(
            what=f"{place} of a model call looks like a secret, which would be stored, so it",
            remedy="give it to the chat client itself, for example as default_headers=…",
        )
