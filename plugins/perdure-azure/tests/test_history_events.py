"""The scheduler's history in the words that vendors share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure_kit.messages import event, start_text, status_number, timestamp

from perdure.spi.bridge import VendorEvent, VendorKind, project
from perdure.spi.history import ActivityCompleted, ActivityScheduled, Completed, WorkflowStarted
from perdure.spi.remote import hold_reason
from perdure_azure import sdk
from perdure_azure.history import vendor_events

AT_US = 1_700_000_000_000_000
DETAILS = {"errorType": "NoRoute", "errorMessage": "no luck"}


def told(made: Any) -> VendorEvent:
    (told,) = vendor_events([made], instance_id="trip-1")
    return told


@pytest.mark.parametrize(
    ("made", "kind", "fields"),
    [
        (event("orchestratorStarted"), VendorKind.TURN, {}),
        (
            event(
                "executionStarted",
                name="plan",
                input="1",
                orchestrationInstance={"instanceId": "i"},
            ),
            VendorKind.STARTED,
            {"name": "plan", "instance_id": "i", "payload": "1"},
        ),
        (
            event("taskScheduled", id=3, name="quote", input='{"a":1}'),
            VendorKind.ACTIVITY_SCHEDULED,
            {"id": 3, "name": "quote", "payload": '{"a":1}'},
        ),
        (
            event("taskCompleted", taskScheduledId=3, result="0"),
            VendorKind.ACTIVITY_COMPLETED,
            {"id": 3, "payload": "0"},
        ),
        (
            event("taskFailed", taskScheduledId=3, failureDetails=DETAILS),
            VendorKind.ACTIVITY_FAILED,
            {"id": 3, "error_type": "NoRoute", "message": "no luck"},
        ),
        (
            event("subOrchestrationInstanceCreated", id=4, name="leg", instanceId="c", input="2"),
            VendorKind.CHILD_CREATED,
            {"id": 4, "name": "leg", "instance_id": "c", "payload": "2"},
        ),
        (
            event("subOrchestrationInstanceCompleted", taskScheduledId=4, result="3"),
            VendorKind.CHILD_COMPLETED,
            {"id": 4, "payload": "3"},
        ),
        (
            event("subOrchestrationInstanceFailed", taskScheduledId=4, failureDetails=DETAILS),
            VendorKind.CHILD_FAILED,
            {"id": 4, "error_type": "NoRoute", "message": "no luck"},
        ),
        (
            event("timerCreated", id=5, fireAt=timestamp(AT_US + 7)),
            VendorKind.TIMER_CREATED,
            {"id": 5, "fire_at_us": AT_US + 7},
        ),
        (
            event("timerFired", timerId=5, fireAt=timestamp(AT_US + 7)),
            VendorKind.TIMER_FIRED,
            {"id": 5, "fire_at_us": AT_US + 7},
        ),
        (
            event("eventRaised", name="perdure.event", input="{}"),
            VendorKind.EVENT,
            {"name": "perdure.event", "payload": "{}"},
        ),
        (
            event("executionSuspended", input='"lunch"'),
            VendorKind.SUSPENDED,
            {"payload": '"lunch"'},
        ),
        (event("executionResumed", input='"back"'), VendorKind.RESUMED, {"payload": '"back"'}),
        (
            event("executionTerminated", input='"enough"'),
            VendorKind.TERMINATED,
            {"payload": '"enough"'},
        ),
    ],
)
def test_each_kind_of_event_is_told(made: Any, kind: VendorKind, fields: dict[str, Any]) -> None:
    assert told(made) == VendorEvent(kind=kind, at_us=AT_US, **fields)


def end(status: str, **fields: Any) -> Any:
    return event("executionCompleted", orchestrationStatus=status_number(status), **fields)


def test_an_end_is_told_by_what_it_is_and_one_by_force_by_what_asked_for_it() -> None:
    assert told(end("COMPLETED", result="[]")).payload == "[]"
    assert told(end("FAILED", failureDetails=DETAILS)).message == "no luck"
    assert told(end("CONTINUED_AS_NEW", result="1")).kind is VendorKind.CONTINUED
    assert vendor_events([end("TERMINATED", result='"x"')], instance_id="i") == []


def test_an_event_that_nobody_knows_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = [event("eventSent", name="x"), event("orchestratorStarted")]
    assert len(vendor_events(made, instance_id="trip-1")) == 1
    assert "eventSent" in caplog.text


def test_an_event_of_a_newer_protocol_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # As it arrives here: its kind is in a field that this protobuf does not know.
    made = sdk.pb.HistoryEvent(eventId=-1)
    assert vendor_events([made, event("orchestratorStarted")], instance_id="trip-1")
    assert "unknown event" in caplog.text


@pytest.mark.parametrize("kind", ["orchestratorCompleted", "historyState", "executionRewound"])
def test_what_is_no_part_of_a_journal_is_passed_over_in_silence(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert vendor_events([event(kind)], instance_id="trip-1") == []
    assert not caplog.records


def test_a_rewinding_that_was_refused_leaves_the_end_as_it_was() -> None:
    history = [
        event("orchestratorStarted"),
        end("FAILED", failureDetails=DETAILS),
        event("orchestratorStarted"),
        event("executionRewound"),
        end("FAILED", failureDetails={"errorType": "NoRoute", "errorMessage": "not rewound"}),
    ]
    told = vendor_events(history, instance_id="trip-1")
    assert [each.message for each in told if each.kind is VendorKind.FAILED] == ["no luck"]
    # One that was not refused has no end before it.
    assert len(vendor_events([history[0], *history[2:]], instance_id="trip-1")) == 3


def test_a_history_projects_to_a_journal() -> None:
    call = {"perdure": 1, "run_id": "run-1", "workflow": "plan", "id": 1, "arguments": "{}"}
    answer = {"perdure": 1, "of": "run-1:1", "result": "7"}
    journal = project(
        vendor_events(
            [
                event("orchestratorStarted"),
                event("executionStarted", name="plan", input=start_text(patches=())),
                event("taskScheduled", id=1, name="quote", input=json.dumps(call)),
                event("orchestratorStarted", at_us=AT_US + 1),
                event("taskCompleted", taskScheduledId=1, result=json.dumps(answer)),
                end("COMPLETED", result="7"),
            ],
            instance_id="trip-1",
        )
    )
    kinds = [type(entry) for entry in journal]
    assert kinds == [WorkflowStarted, ActivityScheduled, ActivityCompleted, Completed]


def test_the_reason_of_a_hold_is_the_first_of_the_latest_hold() -> None:
    history = [
        event("executionSuspended", input='"first"'),
        event("executionResumed"),
        event("executionSuspended", input='"lunch"'),
        event("executionSuspended", input='"again"'),
    ]
    assert hold_reason(vendor_events(history, instance_id="trip-1")) == "lunch"
    assert hold_reason(vendor_events(history[:2], instance_id="trip-1")) is None
