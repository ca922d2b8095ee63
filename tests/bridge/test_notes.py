"""Notes: what a vendor's history does not hold by itself, and nothing where it does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.spi.bridge import EVENT_CHANNEL, Note, decode_status
from perdure.spi.bridge.notes import decode_notes, encode_notes, merged, notes_text
from perdure.spi.history import Completed
from tests.bridge.dark_programs import app
from tests.bridge.host import Host
from tests.bridge.programs import OTHER_SDK, WatchedBridge
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

numbers = st.integers(0, 99)
notes = st.builds(
    Note,
    step=numbers,
    order=st.none() | st.lists(st.integers(-9, 9)).map(tuple),
    timers=st.lists(st.tuples(numbers, numbers), unique_by=lambda timer: timer[0]).map(tuple),
    event=st.none() | st.text(min_size=1, max_size=5),
    entries=st.lists(st.text(max_size=5), unique=True).map(tuple),
    ends=st.booleans(),
)


def carried(host: Host) -> list[dict[str, Any]]:
    """Return all notes that the inputs in a history carry."""
    inputs = [e.taskScheduled.input.value for e in host.history if e.HasField("taskScheduled")]
    return [note for text in inputs for note in json.loads(text).get("notes", ())]


def shown(host: Host) -> tuple[Note, ...]:
    return decode_status(host.custom_status).notes


@given(st.lists(notes))
def test_notes_come_back_as_they_were(written: list[Note]) -> None:
    assert decode_notes(json.loads(json.dumps(encode_notes(written)))) == written
    assert (notes_text(written) == "") == (not written)


@given(notes)
def test_a_note_that_is_told_twice_says_no_more(note: Note) -> None:
    assert merged(note, note) == note
    assert merged(Note(step=note.step), note) == note
    assert merged(note, Note(step=note.step)) == note


def test_of_two_notes_of_a_step_each_adds_what_it_has() -> None:
    one = Note(step=3, timers=((1, 5),), entries=("a",))
    other = Note(step=3, order=(0, 2), timers=((2, 7),), entries=("b",), ends=True)
    assert merged(one, other) == Note(
        step=3, order=(0, 2), timers=((1, 5), (2, 7)), entries=("a", "b"), ends=True
    )


@pytest.mark.parametrize(
    "damaged",
    [[1], ["x"], [{}], [{"s": 1, "t": 5}], [{"s": "1"}], [{"s": 1, "t": [[1]]}], 7],
    ids=repr,
)
def test_damaged_notes_are_told_as_such(damaged: Any) -> None:
    with pytest.raises(ValueError, match="damaged notes"):
        decode_notes(damaged)


@pytest.mark.parametrize(
    ("workflow", "arguments"),
    [("chain", {"steps": 4}), ("fan", {"width": 5}), ("echo", {"value": [1, "x"]})],
)
def test_the_usual_run_needs_no_notes(host: Host, workflow: str, arguments: Any) -> None:
    host.start(workflow, **arguments)
    while host.activities:
        host.answer(min(host.activities)).execute()
        assert host.custom_status is None
    assert carried(host) == []
    assert host.status == "completed"


def test_the_usual_input_has_its_step_and_no_more_beside_what_it_needs(host: Host) -> None:
    host.start("chain", steps=2)
    (first,) = host.activities.values()
    host.answer(min(host.activities)).execute()
    (second,) = host.activities.values()
    assert set(json.loads(first.input)) == {"perdure", "run_id", "workflow", "id", "arguments"}
    assert set(json.loads(second.input)) == {*json.loads(first.input), "s"}


def test_timers_go_along_with_the_next_thing_that_is_asked_for(host: Host) -> None:
    host.start("timeouts", calls=1)
    (note,) = carried(host)
    ((id, fire_at_us),) = note["t"]
    assert (note["s"], id) == (0, 1)
    assert fire_at_us > host.now_us
    assert shown(host) == ()


def test_what_nothing_carries_is_shown_until_something_does(host: Host) -> None:
    host.start("impatient", seconds=5)
    (note,) = shown(host)
    assert [id for id, _ in note.timers] == [1]
    assert carried(host) == []


def test_a_timer_that_has_room_carries_them() -> None:
    bridge = WatchedBridge(app, sdk=OTHER_SDK)
    host = Host(bridge).start("impatient", seconds=5)
    assert shown(host) == ()
    (text,) = host.timer_texts.values()
    assert [note["s"] for note in json.loads(text)] == [0]
    assert projected(host) == recorded(host)
    bridge.close()


def test_what_was_shown_is_taken_back_once_it_is_carried(host: Host) -> None:
    host.start("hasty_then_adding")
    assert len(shown(host)) == 1
    host.raise_event("go", 1).execute()
    assert host.custom_status is None
    assert len(carried(host)) == 2
    assert projected(host) == recorded(host)


def test_many_notes_are_given_something_to_carry_them(host: Host) -> None:
    host.start("waiting_often", times=450)
    for number in range(450):
        host.raise_event("tick", number)
    host.execute()
    assert sum(note.items for note in shown(host)) <= 400
    assert len(host.activities) == 2
    assert projected(host) == recorded(host)
    for id in sorted(host.activities):
        host.answer(id)
    host.execute().raise_event("done", 1).execute()
    assert host.result() == 450
    assert projected(host) == recorded(host)


def test_a_step_of_many_timers_is_noted_once_and_not_with_each_answer(host: Host) -> None:
    host.start("sleeping", width=500)
    assert shown(host) == ()
    host.raise_event("a", 1).execute()
    assert [len(note["t"]) for note in carried(host)] == [500]
    assert projected(host) == recorded(host)


def test_a_foreign_event_is_noted_by_its_name(host: Host) -> None:
    host.start("approvals", names=["go", "on"]).raise_foreign("GO", 1).execute()
    assert [note.event for note in shown(host)] == ["go"]
    assert projected(host) == recorded(host)


def test_a_run_that_somebody_else_has_started_is_known_by_a_note(host: Host) -> None:
    host.start_with("approvals", '{"names": ["a", "b"]}')
    host.raise_foreign("other", 1).raise_event("a", 1).execute()
    assert shown(host) == (Note(step=0),)
    assert projected(host) == recorded(host)


def test_only_the_channel_is_listened_to_for_others_if_so_asked() -> None:
    bridge = WatchedBridge(app, hears_others=False)
    host = Host(bridge).start("approvals", names=["a"]).raise_foreign("a", 1).execute()
    assert host.status == "running"
    assert projected(host) == recorded(host)
    host.raise_foreign(EVENT_CHANNEL.upper(), {"perdure": 1, "name": "a", "payload": "2"})
    assert host.execute().result() == [2]
    assert projected(host) == recorded(host)
    bridge.close()


def test_what_came_behind_the_end_is_told_apart(host: Host) -> None:
    host.start("chain", steps=1)
    host.answer(min(host.activities)).raise_event("a", 1).execute()
    assert [note.ends for note in shown(host)] == [True]
    assert projected(host) == recorded(host)


def test_an_end_that_nothing_came_behind_shows_nothing(host: Host) -> None:
    host.start("chain", steps=1)
    host.answer(min(host.activities)).execute()
    assert host.custom_status is None


def answer_all(host: Host, ids: Iterable[int]) -> Host:
    for id in sorted(ids):
        host.answer(id)
    return host


def test_what_the_last_work_item_asked_for_in_vain_is_shown(bridge: WatchedBridge) -> None:
    host = Host(bridge, forgets=True).start("gathering", names=["a", "b"])
    host.raise_event("a", 1).execute()
    answer_all(host, host.activities)
    host.inbox.reverse()
    host.inbox.insert(0, host.raise_event("b", 2).inbox.pop())
    host.execute()
    assert host.status == "completed"
    assert sum(len(note.entries) for note in shown(host)) == 1
    assert projected(host) == recorded(host)


def test_an_end_is_not_made_too_large_by_what_was_asked_for_in_vain(bridge: WatchedBridge) -> None:
    host = Host(bridge, forgets=True).start("boasting", characters=100_000)
    host.raise_event("a", 1).raise_event("b", 1).execute()
    assert host.status == "completed"
    assert len(host.custom_status or "") < 1_000
    assert len(projected(host)) == len(recorded(host)) - 1


def test_a_large_result_is_not_shown_beside_itself(host: Host) -> None:
    host.start("listing", count=10_000)
    assert len(host.custom_status or "") < 1_000
    (end,) = projected(host)[-1:]
    assert isinstance(end, Completed)
    assert json.loads(end.result) == [1e-7] * 10_000
