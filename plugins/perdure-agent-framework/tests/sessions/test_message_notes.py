"""Notes in messages: taken out and given back they are what they were, and short."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perdure_agent_framework.models.message_notes import notes_of, with_notes, without_notes

notes = st.sampled_from([None, {"source_id": "a"}, {"source_id": "b"}])


def message(note: Any) -> dict[str, Any]:
    noted = {} if note is None else {"_attribution": note}
    return {"role": "user", "additional_properties": {"own": 1, **noted}}


@given(st.lists(notes.map(message), max_size=8))
def test_notes_taken_out_are_given_back(messages: list[dict[str, Any]]) -> None:
    assert with_notes(without_notes(messages), notes_of(messages)) == messages


def test_a_message_without_its_note_is_as_it_was_when_it_was_new() -> None:
    assert without_notes([message({"source_id": "a"})]) == [message(None)]


def test_neighbours_with_one_note_are_told_once() -> None:
    messages = [message({"source_id": "a"})] * 100 + [message(None)]
    assert notes_of(messages) == [[100, {"source_id": "a"}], [1, None]]
    assert notes_of([message(None)]) == []
