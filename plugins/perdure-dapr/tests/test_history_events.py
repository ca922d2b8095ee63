"""Dapr's raw history in the words that vendors share, and why an instance is on hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dapr_kit.messages import event, start_text, timestamp

from perdure.spi.bridge import VendorEvent, VendorKind, project
from perdure.spi.history import ActivityCompleted, ActivityScheduled, Completed, WorkflowStarted
from perdure_dapr import sdk
from perdure_dapr.history import vendor_events
from perdure_dapr.holds import hold_reason

AT_US = 1_700_000_000_000_000
DETAILS = {"errorType": "NoRoute", "errorMessage": "no luck"}


def told(made: Any) -> VendorEvent:
    (told,) = vendor_events([made], instance_id="trip-1")
    return told


@pytest.mark.parametrize(
    ("made", "kind", "fields"),
    [
        (event("workflowStarted"), VendorKind.TURN, {}),
        (
            event("executionStarted", name="plan", input="1", workflowInstance={"instanceId": "i"}),
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
            event("childWorkflowInstanceCreated", id=4, name="leg", instanceId="c", input="2"),
            VendorKind.CHILD_CREATED,
            {"id": 4, "name": "leg", "instance_id": "c", "payload": "2"},
        ),
        (
            event("childWorkflowInstanceCompleted", taskScheduledId=4, result="3"),
            VendorKind.CHILD_COMPLETED,
            {"id": 4, "payload": "3"},
        ),
        (
            event("childWorkflowInstanceFailed", taskScheduledId=4, failureDetails=DETAILS),
            VendorKind.CHILD_FAILED,
            {"id": 4, "error_type": "NoRoute", "message": "no luck"},
        ),
        (
            event("timerCreated", id=5, name="[note]", fireAt=timestamp(AT_US + 7)),
            VendorKind.TIMER_CREATED,
            {"id": 5, "name": "[note]", "fire_at_us": AT_US + 7},
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
            event("executionSuspended", input="lunch"),
            VendorKind.SUSPENDED,
            {"payload": "lunch"},
        ),
        (event("executionResumed", input="back"), VendorKind.RESUMED, {"payload": "back"}),
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
    number = sdk.pb.OrchestrationStatus.Value(f"ORCHESTRATION_STATUS_{status}")
    return event("executionCompleted", workflowStatus=number, **fields)


def test_an_end_is_told_by_what_it_is_and_one_by_force_by_what_asked_for_it() -> None:
    assert told(end("COMPLETED", result="[]")).payload == "[]"
    assert told(end("FAILED", failureDetails=DETAILS)).message == "no luck"
    assert told(end("CONTINUED_AS_NEW", result="1")).kind is VendorKind.CONTINUED
    assert vendor_events([end("TERMINATED", result='"x"')], instance_id="i") == []


def test_an_event_that_nobody_knows_is_logged_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = [event("eventSent", name="x"), event("workflowStarted")]
    assert len(vendor_events(made, instance_id="trip-1")) == 1
    assert "eventSent" in caplog.text


def test_a_raw_history_projects_to_a_journal() -> None:
    call = {"perdure": 1, "run_id": "run-1", "workflow": "plan", "id": 1, "arguments": "{}"}
    call |= {"attempt": 1, "key_id": None, "timeout_us": None, "delivery": "at_least_once"}
    answer = {"perdure": 1, "of": "run-1:1", "result": "7"}
    journal = project(
        vendor_events(
            [
                event("workflowStarted"),
                event("executionStarted", name="plan", input=start_text(patches=())),
                event("taskScheduled", id=1, name="quote", input=json.dumps(call)),
                event("workflowStarted", at_us=AT_US + 1),
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
        event("executionSuspended", input="first"),
        event("executionResumed"),
        event("executionSuspended", input="lunch"),
        event("executionSuspended", input="again"),
    ]
    assert hold_reason(history, instance_id="trip-1") == "lunch"
    assert hold_reason(history[:2], instance_id="trip-1") is None


def test_a_stall_is_told_with_its_remedy() -> None:
    stall = event(
        "executionStalled",
        reason=sdk.pb.StalledReason.Value("PAYLOAD_SIZE_EXCEEDED"),
        description="4 MiB of 3.8",
    )
    reason = hold_reason([stall], instance_id="trip-1")
    assert reason is not None
    assert "PAYLOAD_SIZE_EXCEEDED: 4 MiB of 3.8" in reason
    assert "--max-body-size" in reason
