"""Histories with something odd in them: foreign inputs, late answers, force, damage."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from durabletask.internal import helpers
from hypothesis import given
from hypothesis import strategies as st

from perdure.spi.bridge import (
    END_CHILDREN,
    Note,
    StartEnvelope,
    VendorEvent,
    VendorKind,
    encode_start,
    project,
)
from perdure.spi.history import (
    ActivityCompleted,
    ActivityScheduled,
    BufferedEvent,
    Completed,
    ContinuedAsNew,
    EventReceived,
    Failed,
    Suspended,
    Terminated,
    WorkflowStarted,
)
from perdure.spi.journal import decode_journal, encode_journal
from tests.bridge.dark_programs import app
from tests.bridge.host import Host
from tests.bridge.programs import OTHER_SDK, WatchedBridge
from tests.bridge.vendor_history import projected, recorded, vendor_events

if TYPE_CHECKING:
    from collections.abc import Sequence


def event(kind: VendorKind, at_us: int = 5, **fields: Any) -> VendorEvent:
    return VendorEvent(kind=kind, at_us=at_us, **fields)


STARTED = event(VendorKind.STARTED, 1, name="trip", instance_id="trip-1", payload='{"to": "Oslo"}')


def test_a_raw_input_of_somebody_elses_client_is_told_as_the_run_took_it(host: Host) -> None:
    host.start_with("chain", '{ "steps": 2, "__durabletask_autoobject__": true }')
    assert projected(host) == recorded(host)
    assert host.run().result() == 2
    assert projected(host) == recorded(host)


@pytest.mark.parametrize("text", [None, '{"names": ["a"]}'])
def test_a_start_without_an_envelope_is_perdures_own_run(host: Host, text: str | None) -> None:
    host.start_with("approvals", text)
    host.raise_event("a", 1).execute()
    assert projected(host) == recorded(host)


def test_an_answer_of_somebody_elses_activity_is_told_as_the_run_took_it(host: Host) -> None:
    host.start("echo", value=1)
    value = {"__durabletask_autoobject__": True, "x": [1.50, None]}
    host.answered(min(host.activities), value).execute()
    assert recorded(host)[2] == ActivityCompleted(
        at_us=host.now_us, id=1, result='{"x":[1.5,null]}'
    )
    assert projected(host) == recorded(host)


def test_a_result_that_is_written_in_another_way_is_told_as_it_was(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("measuring", steps=1).run()
    end = recorded(host)[-1]
    assert isinstance(end, Completed)
    assert "1e-7" in end.result
    assert "1e-07" in (host.output or "")
    assert projected(host) == recorded(host)


def test_a_failure_is_told_in_full(host: Host) -> None:
    host.start("retrying", fails=9).run()
    end = projected(host)[-1]
    assert isinstance(end, Failed)
    assert "Exception" in end.failure.bases
    assert "attempt 3" in end.failure.traceback
    assert projected(host) == recorded(host)


def test_an_answer_that_comes_before_anybody_asked_is_passed_over(host: Host) -> None:
    host.start("chain", steps=2)
    of_a_run_before = {"perdure": 1, "of": "the-run-before:2", "result": "7"}
    host.inbox.append(helpers.new_task_completed_event(2, json.dumps(of_a_run_before)))
    host.answer(min(host.activities)).execute()
    assert projected(host) == recorded(host)
    assert host.run().result() == 2
    assert projected(host) == recorded(host)


def test_an_answer_that_comes_behind_the_question_in_one_work_item_is_late(host: Host) -> None:
    host.start("chain", steps=2)
    host.answer(min(host.activities))
    of_a_run_before = {"perdure": 1, "of": "the-run-before:2", "result": "7"}
    host.inbox.append(helpers.new_task_completed_event(2, json.dumps(of_a_run_before)))
    host.execute()
    assert len(host.activities) == 2
    assert projected(host) == recorded(host)
    del host.activities[2]
    assert host.run().result() == 2
    assert projected(host) == recorded(host)


def test_an_answer_that_comes_twice_is_told_once(host: Host) -> None:
    host.start("chain", steps=2)
    host.answer(min(host.activities))
    host.inbox.append(host.inbox[0])
    host.execute()
    assert projected(host) == recorded(host)


def test_a_timer_that_fired_before_it_was_there_is_passed_over(host: Host) -> None:
    host.start("impatient", seconds=5)
    history = vendor_events(host)
    stray = event(VendorKind.TIMER_FIRED, host.now_us, id=min(host.timers))
    notes = [Note(step=0, timers=((1, host.now_us + 5_000_000),)), Note(step=1, event="approval")]
    at = [each.kind for each in history].index(VendorKind.TIMER_CREATED)
    raised = event(VendorKind.EVENT, host.now_us, name="approval", payload="1")
    journal = project([*history[:at], stray, *history[at:], raised], notes)
    assert isinstance(journal[-1], EventReceived)


def test_numbers_of_the_vendors_tell_no_order(host: Host) -> None:
    """Some plugins give numbers of their own."""
    host.start("timeouts", calls=2).answer(min(host.activities)).execute()
    mirrored = [replace(each, id=-each.id) for each in vendor_events(host)]
    assert project(mirrored) == projected(host) == recorded(host)


def test_an_end_by_force_stands_last(host: Host) -> None:
    host.start("chain", steps=3).answer(min(host.activities)).execute()
    before = recorded(host)
    host.terminate().execute()
    assert projected(host) == [*before, Terminated(at_us=host.now_us, reason="enough")]


@pytest.mark.parametrize("forgets", [True, False])
def test_an_end_by_force_keeps_what_came_in_the_same_work_item(
    bridge: WatchedBridge, forgets: bool
) -> None:
    host = Host(bridge, forgets=forgets).start("chain", steps=3)
    host.answer(min(host.activities)).terminate().execute()
    assert projected(host)[:-1] == recorded(host)
    assert isinstance(projected(host)[-2], ActivityScheduled)


def test_an_end_by_force_during_a_hold_drops_what_was_held(host: Host) -> None:
    host.start("approvals", names=["a"]).suspend().execute()
    host.raise_event("a", 1).execute().terminate().execute()
    assert [type(entry) for entry in projected(host)] == [WorkflowStarted, Suspended, Terminated]


def test_force_that_comes_too_late_is_not_told(host: Host) -> None:
    host.start("chain", steps=1).answer(min(host.activities)).terminate().execute()
    assert host.result() == 1
    assert projected(host) == recorded(host)


def test_an_end_is_told_once_the_server_has_it(host: Host) -> None:
    host.start("leaving", policy="terminate", waits=True)
    host.answer(min(host.activities)).execute()
    (call,) = host.activities.values()
    assert call.name == END_CHILDREN
    at_us = host.now_us
    assert isinstance(projected(host)[-1], ActivityCompleted)
    host.raise_event("a", 1).execute()
    host.answer(min(host.activities)).execute()
    assert projected(host)[-1] == Completed(at_us=at_us, result='"gone"')
    assert projected(host) == recorded(host)


def test_a_run_that_goes_on_as_a_new_one_is_told_with_what_goes_along() -> None:
    first = StartEnvelope(run_id="r1", seed="r1", arguments='{"left":1}', patches=())
    carried = (BufferedEvent(name="a", payload="1"),)
    second = replace(first, run_id="r2", arguments='{"left":0}', carried=carried)
    history = [
        event(VendorKind.TURN, 1),
        replace(STARTED, payload=json.dumps(encode_start(first))),
        event(VendorKind.CONTINUED, 2, payload=json.dumps(encode_start(second))),
    ]
    assert project(history)[1:] == [
        ContinuedAsNew(at_us=1, arguments='{"left":0}', carried=carried)
    ]
    history += [
        event(VendorKind.TURN, 3),
        replace(STARTED, payload=json.dumps(encode_start(second))),
    ]
    (started,) = project(history)
    assert isinstance(started, WorkflowStarted)
    assert (started.run_id, started.at_us) == ("r2", 3)


def test_a_run_that_begins_once_more_with_its_patches_is_not_told_twice() -> None:
    unstamped = StartEnvelope(run_id="r1", seed="r1", arguments="{}")
    stamped = json.dumps(encode_start(replace(unstamped, patches=("fees",))))
    history = [
        event(VendorKind.TURN, 1),
        replace(STARTED, payload=json.dumps(encode_start(unstamped))),
        event(VendorKind.CONTINUED, 2, payload=stamped),
    ]
    assert project(history) == []


def test_the_runs_before_are_no_part_of_the_journal(host: Host) -> None:
    host.start("counting", left=3, seen=[])
    host.raise_event("tick", 1).execute()
    assert projected(host) == recorded(host)
    started = projected(host)[0]
    assert isinstance(started, WorkflowStarted)
    assert started.arguments == '{"left":2,"seen":[1]}'


def test_a_journal_can_be_read_and_written_and_run_over_again() -> None:
    bridge = WatchedBridge(app, sdk=OTHER_SDK)
    host = Host(bridge).start("pausing", steps=2)
    host.raise_event("a", 1).execute().raise_event("a", 2).execute()
    host.fire(min(host.timers)).execute()
    journal = projected(host)
    assert decode_journal(encode_journal(journal)) == journal
    bridge.program.rebuild("pausing", journal).close()
    bridge.close()


# -- damaged ones ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "payload", ["{", '{"perdure": 1}', '{"perdure": 9, "run_id": 1}', "\udc80", "[[["]
)
def test_a_damaged_input_is_told_as_it_stands(payload: str) -> None:
    (started,) = project([event(VendorKind.TURN, 1), replace(STARTED, payload=payload)])
    assert isinstance(started, WorkflowStarted)
    assert started.workflow == "trip"


@pytest.mark.parametrize("notes", ["{", '[{"s": "x"}]', '[{"t": 1}]', "[1]", '"x"'])
def test_damaged_notes_are_passed_over(host: Host, notes: str) -> None:
    host.start("chain", steps=1)
    timer = event(VendorKind.TIMER_CREATED, id=90, name=notes)
    assert project([*vendor_events(host), timer]) == recorded(host)


def test_damaged_commands_of_perdures_are_told_as_they_stand() -> None:
    started = StartEnvelope(run_id="r", seed="r", arguments="{}")
    for name in ("pay", "perdure.start-child", "perdure.end-children", "perdure.answer-parent"):
        history = [
            event(VendorKind.TURN, 1),
            replace(STARTED, payload=json.dumps(encode_start(started))),
            event(VendorKind.ACTIVITY_SCHEDULED, id=1, name=name, payload='{"perdure": 1}'),
        ]
        assert isinstance(project(history)[1], ActivityScheduled)


def test_an_empty_history_is_an_empty_journal() -> None:
    assert project([]) == []


texts = st.sampled_from(
    [
        None,
        "",
        "1",
        "{",
        '{"perdure": 1}',
        '{"perdure": 1, "of": "r:1", "result": "1"}',
        '{"perdure": 1, "name": "a", "payload": "1"}',
        '{"perdure": 1, "id": 1, "run_id": "r", "workflow": "w", "arguments": "{}", "s": 1}',
        '{"perdure": 1, "run_id": "r", "arguments": "{}"}',
        '{"perdure": 1, "run_id": "r", "arguments": "{}", "start_at_us": 99}',
        '{"perdure": 1, "run_id": "r", "arguments": "{}", "prefix": "x"}',
        '{"perdure": 1, "notes": [{"s": 1, "o": [0, 1, -4], "x": ["y"], "e": "a", "z": 1}]}',
        '{"perdure": 1, "workflow": "w", "instance_id": "c", "start": 1, "instance_ids": 5}',
    ]
)
names = st.sampled_from(
    ["", "a", "perdure.event", "perdure.start-child", "perdure.end-children", '[{"s": 2}]']
)
strange = st.builds(
    VendorEvent,
    kind=st.sampled_from(list(VendorKind)),
    at_us=st.integers(0, 99),
    id=st.integers(0, 4),
    name=names,
    instance_id=st.just("i"),
    payload=texts,
    message=st.sampled_from(["", "no", '{"perdure": 1, "s": 1, "of": "r:1", "failure": {}}']),
)


@given(st.lists(strange, max_size=12), st.booleans())
def test_no_history_is_too_strange_to_be_told(events: Sequence[VendorEvent], begins: bool) -> None:
    start = replace(STARTED, payload='{"perdure": 1, "run_id": "r", "arguments": "{}"}')
    journal = project([start, *events] if begins else events)
    assert decode_journal(encode_journal(journal)) == journal
