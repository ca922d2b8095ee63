"""Envelopes: whole ones come back, damaged ones are told as such, and all are ASCII JSON."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.errors import PayloadError
from perdure.spi.bridge import (
    Reply,
    StartEnvelope,
    decode_failure,
    decode_result,
    decode_start,
    encode_start,
    to_text,
)
from perdure.spi.bridge.messages import (
    decode_call,
    encode_call,
    encode_result,
    run_mark,
    wire_failure,
)
from perdure.spi.history import ActivityScheduled, BufferedEvent
from perdure.spi.program import ActivityTask
from perdure.types import Failure, ParentLink

texts = st.text(st.characters(codec="utf-8"), max_size=20)
mappings = st.dictionaries(texts, texts, max_size=3)
buffered = st.builds(BufferedEvent, name=texts, payload=texts)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
starts = st.builds(
    StartEnvelope,
    run_id=texts,
    seed=texts,
    arguments=texts,
    patches=st.none() | st.lists(texts, max_size=3).map(tuple),
    headers=mappings,
    tags=mappings,
    parent=st.none()
    | st.builds(ParentLink, instance_id=texts, run_id=texts, command_id=st.integers(0)),
    carried=st.lists(buffered, max_size=3).map(tuple),
    pending=st.lists(buffered, max_size=3).map(tuple),
    heard=st.lists(texts, max_size=3).map(tuple),
    created_us=st.none() | st.integers(1),
    start_at_us=st.none() | st.integers(1),
    execution_timeout_us=st.none() | st.integers(1),
    execution_deadline_us=st.none() | st.integers(1),
    on_parent_end=st.sampled_from(["terminate", "abandon"]),
    is_detached=st.booleans(),
    prefix=texts,
    repeats=st.booleans(),
    sequence=st.integers(0),
    custom_status=st.none() | texts.filter(bool),
)
failures = st.builds(
    Failure,
    type=texts.filter(bool),
    message=texts,
    traceback=texts,
    cause=st.none() | st.builds(Failure, type=texts.filter(bool), message=texts),
)


@given(start=starts)
def test_a_start_comes_back(start: StartEnvelope) -> None:
    text = to_text(encode_start(start))
    assert text.isascii()
    assert decode_start(json.loads(text)) == start


@given(value=json_values)
def test_what_is_not_marked_is_somebody_elses(value: Any) -> None:
    assert decode_start(value) is None
    assert decode_result(value) is None
    assert decode_call(value, activity="a", instance_id="i") is None


@given(start=starts, data=st.data())
def test_a_tampered_start_is_told_as_damaged_or_read(start: StartEnvelope, data: Any) -> None:
    envelope = json.loads(to_text(encode_start(start)))
    key = data.draw(st.sampled_from(sorted(set(envelope) - {"perdure"})))
    if data.draw(st.booleans()):
        del envelope[key]
    else:
        envelope[key] = data.draw(json_values)
    with contextlib.suppress(PayloadError):
        read = decode_start(envelope)
        assert read is not None
        assert decode_start(json.loads(to_text(encode_start(read)))) == read


@given(failure=failures, run_id=texts, id=st.integers(0))
def test_a_failure_comes_back_in_full(failure: Failure, run_id: str, id: int) -> None:
    raised = wire_failure(failure, run_id=run_id, id=id)
    reply = decode_failure(error_type=type(raised).__qualname__, message=str(raised))
    assert reply == Reply(run=run_mark(run_id), id=id, failure=failure)


@given(failure=failures, share=st.floats(0, 1))
def test_a_failure_cut_short_is_still_one(failure: Failure, share: float) -> None:
    message = str(wire_failure(failure))
    cut = message[: int(len(message) * share)]
    reply = decode_failure(error_type="T", message=cut, traceback="")
    assert reply.failure is not None


def test_a_failure_shows_its_type_to_the_vendors_tools() -> None:
    kind = type(wire_failure(Failure(type="shop.errors.SoldOut", message="no more")))
    assert (kind.__module__, kind.__qualname__) == ("shop.errors", "SoldOut")


def test_half_a_surrogate_pair_does_not_reach_the_wire() -> None:
    str(wire_failure(Failure(type="ValueError", message="\ud800"))).encode()


@pytest.mark.parametrize("missing", ["id", "arguments", "run_id", "workflow"])
def test_a_damaged_call_names_what_is_missing(missing: str) -> None:
    scheduled = ActivityScheduled(at_us=0, id=1, name="pay", arguments="{}")
    task = ActivityTask(instance_id="i", run_id="r", workflow="w", scheduled=scheduled)
    envelope = encode_call(task)
    assert decode_call(envelope, activity="pay", instance_id="i") == task
    del envelope[missing]
    with pytest.raises(PayloadError, match=missing):
        decode_call(envelope, activity="pay", instance_id="i")


def test_a_result_comes_back() -> None:
    envelope = encode_result(run_id="r", id=3, result="null")
    assert decode_result(envelope) == Reply(run="r", id=3, result="null")
    with pytest.raises(PayloadError, match="result"):
        decode_result({"perdure": 1, "of": "r:3"})
