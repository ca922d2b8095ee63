"""Messages are made JSON once, and again when anything in them has changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agent_framework import Content, Message

from perdure_agent_framework.conversion import message_to_json
from perdure_agent_framework.models.message_copies import MessageCopies

if TYPE_CHECKING:
    from collections.abc import Callable


def _call() -> Message:
    """Return a message with a bit of everything."""
    result = Content.from_function_result("c", result="it rains")
    call = Content.from_function_call("c", "look", arguments={"deep": {"flag": 1}})
    return Message("assistant", [Content.from_text("hi"), call, result])


def _set_flag(message: Message, value: Any) -> None:
    arguments: Any = message.contents[1].arguments
    arguments["deep"]["flag"] = value


def _add_piece(message: Message) -> None:
    pieces: Any = message.contents[2].items
    pieces.append(Content.from_text("hard"))


CHANGES: dict[str, Callable[[Message], Any]] = {
    "its text": lambda it: setattr(it.contents[0], "text", "ho"),
    "an argument, deep inside": lambda it: _set_flag(it, 2),
    "the type of an argument that equals it": lambda it: _set_flag(it, True),
    "another content": lambda it: it.contents.append(Content.from_text("more")),
    "a content less": lambda it: it.contents.pop(),
    "its author": lambda it: setattr(it, "author_name", "ann"),
    "a note": lambda it: it.additional_properties.update(note="n"),
    "the result's pieces": _add_piece,
}


def test_a_message_that_stays_the_same_is_made_json_once() -> None:
    copies, message = MessageCopies(), _call()
    (first,) = copies.to_json([message], conversation="a")
    again, _ = copies.to_json([message, _call()], conversation="a")
    assert again is first
    assert first == message_to_json(message)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_message_that_was_changed_in_place_is_sent_as_it_is_now(
    change: Callable[[Message], Any],
) -> None:
    copies, message = MessageCopies(), _call()
    (before,) = copies.to_json([message], conversation="a")
    change(message)
    (after,) = copies.to_json([message], conversation="a")
    assert repr(after) == repr(message_to_json(message)) != repr(before)


def test_a_message_with_something_unknown_in_it_is_made_json_each_time() -> None:
    class Odd:
        words = "one"

        def to_dict(self, **_: Any) -> dict[str, str]:
            return {"words": self.words}

    copies, odd = MessageCopies(), Odd()
    message = Message("user", ["hi"], additional_properties={"odd": odd})
    copies.to_json([message], conversation="a")
    odd.words = "two"
    (after,) = copies.to_json([message], conversation="a")
    assert after == message_to_json(message)


def test_only_the_messages_of_the_latest_call_are_kept() -> None:
    copies, message = MessageCopies(), _call()
    (first,) = copies.to_json([message], conversation="a")
    copies.to_json([_call()], conversation="a")
    (again,) = copies.to_json([message], conversation="a")
    assert again is not first
