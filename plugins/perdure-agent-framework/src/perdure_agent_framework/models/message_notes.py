"""Where messages came from: a note that the framework makes in them, told beside a transcript.

A message has no such note while it is new, and has one once it comes from a history. With it in its
place, no message of a turn would be the one that the turn before has stored, and each turn would
send the whole conversation. Neighbours mostly have the same note, so that all of them together are
short. Clients are given the notes back: some read them.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]
Notes = list[list[Any]]
"""How many messages, one after the other, have which note; ``None`` stands for none."""

_NOTE = "_attribution"


def without_notes(messages: Iterable[Json]) -> list[Json]:
    """Return messages as they were when they were new."""
    return [_without(message) for message in messages]


def notes_of(messages: Iterable[Json]) -> Notes:
    """Return the notes of messages, in their order; nothing where there are none."""
    notes = [[len(list(same)), note] for note, same in groupby(map(_note_of, messages))]
    return [] if all(note is None for _, note in notes) else notes


def with_notes(messages: Iterable[Json], notes: Notes) -> list[Json]:
    """Return messages as they were before their notes were taken from them."""
    each = (note for count, note in notes for _ in range(count))
    return [_with(message, next(each, None)) for message in messages]


def _note_of(message: Json) -> Any:
    return (message.get("additional_properties") or {}).get(_NOTE)


def _without(message: Json) -> Json:
    if _note_of(message) is None:
        return message
    properties = message["additional_properties"]
    kept = {name: value for name, value in properties.items() if name != _NOTE}
    return {**message, "additional_properties": kept}


def _with(message: Json, note: Any) -> Json:
    if note is None:
        return message
    properties = message.get("additional_properties") or {}
    return {**message, "additional_properties": {**properties, _NOTE: note}}
