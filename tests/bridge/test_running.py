"""What workflows do on an SDK: activities, timers, retries, values, custom status, failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import decode_failure

if TYPE_CHECKING:
    from tests.bridge.host import Host


def test_a_chain_of_activities_gets_each_result(host: Host) -> None:
    assert host.start("chain", steps=5).run().result() == 5


def test_a_fan_out_gets_every_result(host: Host) -> None:
    host.start("fan", width=4)
    assert len(host.activities) == 4
    for id in sorted(host.activities, reverse=True):
        host.answer(id).execute()
    assert host.result() == 10


def test_answers_of_one_work_item_are_taken_one_by_one(host: Host) -> None:
    host.start("fan", width=4)
    for id in sorted(host.activities, reverse=True):
        host.answer(id)
    assert host.execute().result() == 10
    assert host.work_items == 2


def test_a_failed_attempt_is_tried_again_after_a_timer(host: Host) -> None:
    assert host.start("retrying", fails=2).run().result() == 3
    assert host.timers_created == 2


def test_the_last_failure_ends_the_workflow_with_type_and_cause(host: Host) -> None:
    host.start("retrying", fails=3).run()
    assert host.status == "failed"
    assert host.failure.errorType == "perdure.errors.ActivityError"
    reply = decode_failure(error_type=host.failure.errorType, message=host.failure.errorMessage)
    assert reply.failure is not None
    assert reply.failure.matches("perdure.errors.PerdureError")
    assert reply.failure.cause is None or reply.failure.cause.type
    assert "KeyError: 'attempt 3'" in host.failure.errorMessage.splitlines()[0]


@pytest.mark.parametrize(
    "value",
    [None, 0, False, "", [], {}, "\0", "π🙂", 1e300, {"__durabletask_autoobject__": 1}, [[{}]]],
    ids=repr,
)
def test_a_value_comes_through_unchanged(host: Host, value: Any) -> None:
    host.start("echo", value=value).run()
    assert host.result() == value
    assert type(host.result()) is type(value)


def test_many_timeouts_around_calls_cost_few_timers(host: Host) -> None:
    assert host.start("timeouts", calls=20).run().result() == 20
    assert host.timers_created == 1


def test_the_custom_status_is_shown_in_every_answer(host: Host) -> None:
    host.start("showing", steps=3)
    for step in range(3):
        assert host.custom_status is not None
        assert json.loads(host.custom_status) == {"step": step}
        host.answer(min(host.activities)).execute()
    assert host.result() == "shown"


def test_raw_input_of_another_client_is_arguments_by_name(host: Host) -> None:
    assert host.start_with("chain", '{"steps": 2}').run().result() == 2


def test_raw_input_that_fits_no_parameter_fails_the_instance(host: Host) -> None:
    host.start_with("chain", "[1]").run()
    assert host.failure.errorType == "perdure.errors.PayloadError"


def test_a_damaged_envelope_fails_the_instance(host: Host) -> None:
    host.start_with("chain", '{"perdure": 1, "run_id": "run-1"}').run()
    assert host.failure.errorType == "perdure.errors.PayloadError"
    assert "arguments" in host.failure.errorMessage


def test_a_terminated_instance_ends(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    host.start("chain", steps=3).terminate().execute()
    assert host.status == "terminated"
    assert not caplog.records
