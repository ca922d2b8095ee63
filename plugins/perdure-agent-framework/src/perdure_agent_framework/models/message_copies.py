"""Messages as JSON, made once: a run sends each of its messages with every later model call.

What the framework makes of a message as JSON costs it far more than looking whether the message is
still what it was, and the number of messages sent grows with the square of the number of calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_framework import Content

from perdure.framework import run_state
from perdure_agent_framework.conversion import Json, message_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_framework import Message

# What only the process that got it can use; it is in no JSON.
_NOT_STORED = frozenset({"raw_representation"})


class _UnknownTypeError(TypeError):
    """A message has something in it whose changes would not be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """A message as it was.

    Attributes:
        message: The object; held, so that no other has its ``id``.
        state: All that was in it.
        data: It as JSON.
    """

    message: Message
    state: Any
    data: Json


class MessageCopies:
    """What the latest call of each conversation of a run has sent."""

    def __init__(self) -> None:
        self._known: dict[str | None, dict[int, _Copy]] = {}

    def to_json(self, messages: Sequence[Message], *, conversation: str | None) -> list[Json]:
        """Return messages as JSON, which nobody may change.

        Raises:
            NotDurableError: Something in one cannot be stored.
        """
        known = self._known.get(conversation, {})
        kept: dict[int, _Copy] = {}
        made = [_made(message, known, kept) for message in messages]
        self._known[conversation] = kept
        return made


def message_copies() -> MessageCopies:
    """Return the copies of the run that goes on here.

    Raises:
        NotInWorkflowError: No workflow runs here.
    """
    return run_state(MessageCopies)


def _made(message: Message, known: dict[int, _Copy], kept: dict[int, _Copy]) -> Json:
    try:
        state = _state_of(vars(message))
    except _UnknownTypeError:
        return message_to_json(message)
    copy = known.get(id(message))
    if copy is None or copy.state != state:
        copy = _Copy(message=message, state=state, data=message_to_json(message))
    kept[id(message)] = copy
    return copy.data


def _state_of(value: Any) -> Any:
    """Return all that is in a value, as values that equal each other only if they look alike."""
    kind = type(value)
    if value is None or kind is str:
        return value
    if kind in (bool, int, float):
        return (kind, value)  # true is no 1 in JSON
    if kind in (list, tuple):
        return [kind, *map(_state_of, value)]
    if kind is Content:
        value = vars(value)
    elif kind is not dict:
        raise _UnknownTypeError
    return [
        (kind, name, _state_of(item))
        for name, item in value.items()
        if item is not None and name not in _NOT_STORED
    ]
