"""What the scheduler says of an instance, as clients are shown it, and what it is asked for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit.messages import FIRST_US, start_text, state, status_number, timestamp

from perdure import Status
from perdure.spi import Failure
from perdure.spi.bridge.messages import wire_failure
from perdure.spi.bridge.shown import encode_status
from perdure.spi.remote import instance_info
from perdure_azure import sdk
from perdure_azure.mapping import finished_statuses, status_of, statuses_to_ask_for, vendor_state

if TYPE_CHECKING:
    from perdure.types import InstanceInfo

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CREATED = datetime.fromtimestamp(FIRST_US / 1_000_000, UTC)
SHOWN = {
    "RUNNING": Status.RUNNING,
    "COMPLETED": Status.COMPLETED,
    "CONTINUED_AS_NEW": Status.RUNNING,
    "FAILED": Status.FAILED,
    "CANCELED": Status.TERMINATED,
    "TERMINATED": Status.TERMINATED,
    "PENDING": Status.PENDING,
    "SUSPENDED": Status.SUSPENDED,
}


def shown_of(state: Any, *, now: datetime = NOW) -> InstanceInfo:
    return instance_info(vendor_state(state), now=now)


def test_an_instance_that_runs_is_shown_with_what_it_was_started_with() -> None:
    text = start_text(tags={"customer": "7"}, headers={"who": "Ä"}, created_us=FIRST_US - 1_000_000)
    info = shown_of(state(input=text, customStatus='{"at": 3}'))
    assert (info.instance_id, info.run_id, info.name) == ("trip-1", "run-1", "plan_trip")
    assert info.status is Status.RUNNING
    assert info.input_json == '{"city":"Oslo"}'
    assert (dict(info.tags), dict(info.headers)) == ({"customer": "7"}, {"who": "Ä"})
    assert info.custom_status_json == '{"at": 3}'
    assert info.created_at == CREATED - timedelta(seconds=1)
    assert info.updated_at == CREATED + timedelta(seconds=5)
    assert info.finished_at is None


@pytest.mark.parametrize("told", sdk.pb.OrchestrationStatus.keys())
def test_each_status_of_the_protocol_has_its_own(told: str) -> None:
    name = told.removeprefix("ORCHESTRATION_STATUS_")
    assert shown_of(state(name)).status is SHOWN[name]


def test_a_status_that_nobody_knows_is_unknown_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    strange = state()
    strange.orchestrationStatus = 77
    assert status_of(strange) is Status.UNKNOWN
    assert "77" in caplog.text


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, "Ä", {"a": [1.5, None]}])
def test_any_result_is_shown_as_it_was(value: object) -> None:
    output_json = shown_of(state("COMPLETED", output=json.dumps(value))).output_json
    assert output_json is not None
    assert json.loads(output_json) == value


@pytest.mark.parametrize("field", ["input", "output", "customStatus"])
def test_an_empty_text_is_none_at_all(field: str) -> None:
    info = vendor_state(state(**{field: ""}))
    name = {"customStatus": "custom_status"}.get(field, field)
    assert getattr(info, name) is None


def test_an_end_has_the_instant_that_the_scheduler_tells_and_a_failure_all_it_had() -> None:
    failure = Failure(type="app.NoRoute", message="no luck", traceback="line 1", bases=("b.B",))
    failed = state("FAILED", completedTimestamp=timestamp(FIRST_US + 3_000_000))
    failed.failureDetails.errorType = "NoRoute"
    failed.failureDetails.errorMessage = str(wire_failure(failure))
    info = shown_of(failed)
    assert info.failure == failure
    assert info.finished_at == CREATED + timedelta(seconds=3)


def test_an_end_whose_instant_is_not_told_is_that_of_the_last_change() -> None:
    info = shown_of(state("COMPLETED", output="1"))
    assert info.finished_at == CREATED + timedelta(seconds=5)


def test_a_failure_of_somebody_elses_worker_is_shown_as_far_as_it_is_told() -> None:
    failed = state("FAILED")
    failed.failureDetails.errorType = "builtins.ValueError"
    failed.failureDetails.errorMessage = "no luck"
    failed.failureDetails.stackTrace.value = "line 1"
    failure = shown_of(failed).failure
    assert failure == Failure(type="ValueError", message="no luck", traceback="line 1")


def test_the_reason_of_a_termination_is_what_was_given() -> None:
    assert shown_of(state("TERMINATED", output='"enough"')).reason == "enough"
    assert shown_of(state("CANCELED", output="no JSON")).reason == "no JSON"


def test_one_that_no_worker_has_taken_yet_is_pending_with_its_name() -> None:
    info = shown_of(state("PENDING"))
    assert (info.status, info.name) == (Status.PENDING, "plan_trip")


def test_one_that_is_to_start_later_is_pending_until_then() -> None:
    later = NOW + timedelta(hours=1)
    text = start_text(start_at_us=int(later.timestamp() * 1_000_000))
    assert shown_of(state(input=text)).status is Status.PENDING
    assert shown_of(state(input=text), now=later).status is Status.RUNNING


def test_one_whose_code_does_not_fit_is_stalled_with_the_reason() -> None:
    held = encode_status('"at work"', held="recorded this, asked that", is_stalled=True)
    info = shown_of(state(customStatus=held))
    assert (info.status, info.reason) == (Status.STALLED, "recorded this, asked that")
    assert info.custom_status_json == '"at work"'


def test_input_that_cannot_be_read_is_told_in_the_log_and_hides_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    info = shown_of(state(input='{"perdure": 1}'))
    assert (info.name, info.status, info.run_id) == ("plan_trip", Status.RUNNING, "")
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize("told", [name for name, status in SHOWN.items() if not status.is_terminal])
def test_whatever_is_shown_under_a_status_is_asked_for_by_it(told: str) -> None:
    assert status_number(told) in statuses_to_ask_for((SHOWN[told],))


@pytest.mark.parametrize("status", [Status.PENDING, Status.STALLED])
def test_what_only_perdure_knows_is_looked_for_among_those_that_run(status: Status) -> None:
    assert status_number("RUNNING") in statuses_to_ask_for((status,))


def test_an_unknown_status_is_looked_for_everywhere_and_so_is_none() -> None:
    assert statuses_to_ask_for((Status.UNKNOWN, Status.FAILED)) == []
    assert statuses_to_ask_for(()) == []


def test_the_finished_statuses_are_those_that_are_shown_as_terminal() -> None:
    terminal = {status_number(told) for told, status in SHOWN.items() if status.is_terminal}
    assert set(finished_statuses()) == terminal
