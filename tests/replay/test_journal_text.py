"""The journal as text: JSON Lines that give back what they were made of."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import PayloadError
from perdure.spi import history
from perdure.spi.history import BufferedEvent, HistoryEvent, WorkflowStarted
from perdure.spi.journal import (
    JOURNAL_VERSION,
    KINDS,
    decode_event,
    decode_journal,
    encode_event,
    encode_journal,
)
from perdure.types import Failure, ParentLink

_texts = st.text(max_size=20)
_json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_payloads = st.builds(
    json.dumps,
    _json_values,
    ensure_ascii=st.booleans(),
    separators=st.sampled_from([(",", ":"), None]),
).map(lambda text: text.encode("utf-8", "replace").decode())
_failures = st.recursive(
    st.builds(Failure, type=_texts, message=_texts, traceback=_texts, bases=st.tuples(_texts)),
    lambda inner: st.builds(Failure, type=_texts, message=_texts, cause=inner),
    max_leaves=3,
)
_carried = st.lists(st.builds(BufferedEvent, name=_texts, payload=_payloads), max_size=3).map(tuple)
_mappings = st.dictionaries(_texts, _texts, max_size=2)
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "arguments": _payloads,
    "result": _payloads,
    "payload": _payloads,
    "failure": _failures,
    "carried": _carried,
    "headers": _mappings,
    "tags": _mappings,
    "patches": st.none() | st.lists(_texts, max_size=2).map(tuple),
    "parent": st.none()
    | st.builds(ParentLink, instance_id=_texts, run_id=_texts, command_id=st.integers()),
    "delivery": st.sampled_from(["at_least_once", "at_most_once"]),
    "on_parent_end": st.sampled_from(["terminate", "abandon"]),
}


def _values(name: str, annotation: str) -> st.SearchStrategy[Any]:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if "None" in annotation:
        return st.none() | st.integers()
    return st.integers() if annotation == "int" else _texts


def _entries(kind: type[HistoryEvent]) -> st.SearchStrategy[HistoryEvent]:
    return st.builds(kind, **{f.name: _values(f.name, str(f.type)) for f in fields(kind)})


entries = st.one_of([_entries(kind) for kind in KINDS.values()])


@given(entries)
def test_every_entry_comes_back_to_the_letter(entry: HistoryEvent) -> None:
    line = encode_event(entry)

    assert "\n" not in line
    assert decode_event(line) == entry
    assert encode_event(decode_event(line)) == line


@given(entries)
def test_a_line_somebody_formatted_anew_means_the_same(entry: HistoryEvent) -> None:
    line = json.dumps(json.loads(encode_event(entry)), indent=2, sort_keys=True)

    again = decode_event(line)

    assert json.loads(encode_event(again)) == json.loads(encode_event(entry))


@given(st.lists(entries, max_size=4))
def test_a_journal_comes_back_whole(journal: list[HistoryEvent]) -> None:
    assert decode_journal(encode_journal(journal)) == journal


def test_every_kind_of_entry_is_part_of_the_format() -> None:
    defined = {
        value
        for value in vars(history).values()
        if isinstance(value, type) and issubclass(value, HistoryEvent) and value is not HistoryEvent
    }
    assert set(KINDS.values()) == defined


def test_a_line_is_short_where_defaults_say_it_all() -> None:
    entry = history.ActivityScheduled(at_us=1, id=2, name="a", arguments="[]", key_id=2)

    expected = '{"k":"ActivityScheduled","at_us":1,"id":2,"name":"a","arguments":[],"key_id":2}'
    assert encode_event(entry) == expected


def test_a_payload_that_spreads_over_lines_stays_on_one() -> None:
    entry = history.EventReceived(at_us=1, name="go", payload='{\n  "a": "\\n"\n}')

    (again,) = decode_journal(encode_event(entry))

    assert isinstance(again, history.EventReceived)
    assert again.payload == '{   "a": "\\n" }'


def test_a_payload_that_looks_like_a_journal_deceives_nobody() -> None:
    trap = '{"result": 1, ",\\"payload\\":": [2], "payload":3,"payload":4}'
    entry = history.EventReceived(at_us=1, name=',"payload":0', payload=trap)

    assert decode_event(encode_event(entry)) == entry


def test_bytes_and_blank_lines_are_taken_too() -> None:
    entry = history.TimerFired(at_us=1, id=2)

    assert decode_event(encode_event(entry).encode()) == entry
    assert decode_journal(f"\n{encode_event(entry)}\n  \n") == [entry]


def start() -> WorkflowStarted:
    return WorkflowStarted(
        at_us=1, instance_id="i", run_id="r", workflow="w", arguments="{}", seed="s"
    )


def test_a_start_says_the_version_of_the_format() -> None:
    assert json.loads(encode_event(start()))["v"] == JOURNAL_VERSION


def test_a_journal_of_a_newer_version_is_refused() -> None:
    line = encode_event(start()).replace('"v":1', '"v":2')

    with pytest.raises(PayloadError, match="version 2 of the format; this perdure reads up to 1"):
        decode_event(line)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{",
        '{"k":"Nonsense","at_us":1}',
        '{"k":"TimerFired","at_us":1}',
        '{"k":"TimerFired","at_us":1,"id":2,"more":3}',
        '{"k":"TimerFired","at_us":1,"id":2} and more',
        '{"k":"WorkflowStarted","at_us":1}',
        '{"k":"ActivityFailed","at_us":1,"id":1,"failure":7}',
        '{"k":"EventReceived","at_us":1,"name":"x","payload":' + "[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_entry_is_refused_with_an_excerpt(line: str | bytes) -> None:
    with pytest.raises(PayloadError, match="journal: not an entry of a journal"):
        decode_event(line)
