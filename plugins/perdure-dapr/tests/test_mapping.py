"""What Dapr says of an instance, as clients are shown it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from dapr_kit.messages import start_text, state

from perdure import ParentLink, Status
from perdure.spi import Failure
from perdure.spi.bridge.messages import encode_result, wire_failure
from perdure.spi.bridge.shown import encode_status
from perdure.spi.remote import instance_info, text_of
from perdure_dapr import sdk
from perdure_dapr.mapping import status_of, vendor_state

if TYPE_CHECKING:
    from perdure.types import InstanceInfo

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CREATED = datetime.fromtimestamp(1_700_000_000, UTC)


def shown_of(state: Any, *, now: datetime) -> InstanceInfo:
    return instance_info(vendor_state(state), now=now)


def test_an_instance_that_runs_is_shown_with_what_it_was_started_with() -> None:
    text = start_text(
        tags={"customer": "7"}, headers={"who": "Ä"}, created_us=1_699_999_999_000_000
    )
    info = shown_of(state(input=text, customStatus='{"at": 3}'), now=NOW)
    assert (info.instance_id, info.run_id, info.name) == ("trip-1", "run-1", "plan_trip")
    assert info.status is Status.RUNNING
    assert info.input_json == '{"city":"Oslo"}'
    assert (dict(info.tags), dict(info.headers)) == ({"customer": "7"}, {"who": "Ä"})
    assert info.custom_status_json == '{"at": 3}'
    assert info.created_at == CREATED - timedelta(seconds=1)
    assert info.updated_at == CREATED + timedelta(seconds=5)
    assert info.finished_at is None


def test_one_whose_first_turn_has_not_run_is_pending_and_was_created_now() -> None:
    blank = sdk.pb.WorkflowState(
        instanceId="trip-1",
        workflowStatus=sdk.pb.ORCHESTRATION_STATUS_PENDING,
        createdTimestamp=sdk.Timestamp(seconds=-62135596800),
    )
    info = shown_of(blank, now=NOW)
    assert (info.status, info.name, info.created_at) == (Status.PENDING, "", NOW)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("COMPLETED", Status.COMPLETED),
        ("FAILED", Status.FAILED),
        ("TERMINATED", Status.TERMINATED),
        ("SUSPENDED", Status.SUSPENDED),
        ("STALLED", Status.STALLED),
        ("PENDING", Status.PENDING),
        ("CONTINUED_AS_NEW", Status.RUNNING),
    ],
)
def test_each_status_has_its_own(told: str, shown: Status) -> None:
    assert shown_of(state(told), now=NOW).status is shown


def test_a_status_that_nobody_knows_is_unknown_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strange = state()
    strange.workflowStatus = 77
    assert status_of(strange) is Status.UNKNOWN
    assert "77" in caplog.text


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, "Ä", {"a": [1.5, None]}])
def test_any_result_is_shown_as_it_was(value: object) -> None:
    fields = {} if value is None else {"output": json.dumps(value)}
    output_json = shown_of(state("COMPLETED", **fields), now=NOW).output_json
    assert output_json is not None
    assert json.loads(output_json) == value


def test_the_result_of_a_child_stands_in_its_answer() -> None:
    link = ParentLink(instance_id="parent-1", run_id="run-0", command_id=3)
    output = json.dumps(encode_result(run_id="run-0", id=3, result='"done"'))
    info = shown_of(state("COMPLETED", input=start_text(parent=link), output=output), now=NOW)
    assert (info.output_json, info.parent) == ('"done"', link)


def test_an_end_has_an_instant_and_a_failure_all_it_had() -> None:
    failure = Failure(type="app.NoRoute", message="no luck", traceback="line 1", bases=("b.B",))
    wire = wire_failure(failure)
    failed = state("FAILED")
    failed.failureDetails.errorType = "NoRoute"
    failed.failureDetails.errorMessage = str(wire)
    info = shown_of(failed, now=NOW)
    assert info.failure == failure
    assert info.finished_at == CREATED + timedelta(seconds=5)


def test_the_reason_of_a_termination_is_what_was_given() -> None:
    assert shown_of(state("TERMINATED", output='"enough"'), now=NOW).reason == "enough"
    # Another client gives a value, or no JSON at all.
    assert text_of('{"a":1}') == '{"a":1}'
    assert text_of("enough") == "enough"


def test_one_that_is_to_start_later_is_pending_until_then() -> None:
    later = NOW + timedelta(hours=1)
    text = start_text(start_at_us=int(later.timestamp() * 1_000_000))
    before = shown_of(state(input=text), now=NOW)
    assert (before.status, before.start_at) == (Status.PENDING, later)
    assert shown_of(state(input=text), now=later).status is Status.RUNNING


def test_one_whose_code_does_not_fit_is_stalled_with_the_reason() -> None:
    held = encode_status('"at work"', held="recorded this, asked that", is_stalled=True)
    info = shown_of(state(customStatus=held), now=NOW)
    assert (info.status, info.reason) == (Status.STALLED, "recorded this, asked that")
    assert info.custom_status_json == '"at work"'


def test_one_that_waits_for_a_worker_with_its_workflow_is_shown_as_before() -> None:
    held = encode_status(None, held="no workflow 'plan_trip'", is_stalled=False)
    info = shown_of(state(customStatus=held), now=NOW)
    assert (info.status, info.custom_status_json) == (Status.RUNNING, None)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [("", "{}"), ("null", "{}"), ("5", "5"), ('{"city": "Oslo"}', '{"city":"Oslo"}')],
)
def test_raw_input_of_another_client_is_taken_for_arguments(raw: str, shown: str) -> None:
    info = shown_of(state(input=raw), now=NOW)
    assert info.input_json == shown
    assert info.run_id


def test_input_that_cannot_be_read_is_told_in_the_log_and_hides_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    info = shown_of(state(input='{"perdure": 1}'), now=NOW)
    assert (info.name, info.status, info.run_id) == ("plan_trip", Status.RUNNING, "")
    assert "cannot be read" in caplog.text
