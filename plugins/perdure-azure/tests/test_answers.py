"""Answers to work items: told until the scheduler has them, and not one more time."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from azure_kit.messages import event, start_text
from azure_kit.waiting import wait_on_loop_until

from perdure import (
    AuthenticationFailedError,
    BackendUnavailableError,
    InstanceNotFoundError,
    ParentLink,
    PayloadTooLargeError,
)
from perdure.spi.bridge.channel import decode_child_answer, decode_event
from perdure.spi.remote.attempts import ClosedError, NoAnswerError
from perdure.spi.remote.sdk_threads import Gauge
from perdure_azure import answers as module
from perdure_azure import sdk
from perdure_azure.answers import Answers, TurnStub
from perdure_azure.faults import StaleItemError, TakenError, ThrottledError

TURN = "CompleteOrchestratorTask"
ACTIVITY = "CompleteActivityTask"


class Scheduler:
    """A connection on which the test says what each call is answered with."""

    def __init__(self, *answers: Exception | None) -> None:
        self._answers = list(answers)
        self.calls: list[tuple[str, Any]] = []

    async def call(self, method: str, request: Any, **_: Any) -> None:
        kept = type(request)()
        kept.CopyFrom(request)
        self.calls.append((method, kept))
        answer = self._answers.pop(0) if self._answers else None
        if answer is not None:
            raise answer

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_GIVE_UP_SECONDS", 0.0)


def answers_on(scheduler: Scheduler, gauge: Gauge | None = None) -> Answers:
    pretended: Any = scheduler
    return Answers(pretended, asyncio.get_running_loop(), gauge or Gauge())


def turn(**start: Any) -> Any:
    """Return a turn as the scheduler hands it out."""
    started = event("executionStarted", name="plan", input=start_text(**start))
    return sdk.pb.OrchestratorRequest(instanceId="trip-1", newEvents=[started])


def asking(text: str = "x") -> Any:
    """Return an answer to a turn that asks for an activity and shows a status."""
    ask = sdk.pb.ScheduleTaskAction(name="quote", input=sdk.StringValue(value=text))
    return sdk.pb.OrchestratorResponse(
        instanceId="trip-1",
        completionToken="token",
        actions=[sdk.pb.OrchestratorAction(id=1, scheduleTask=ask)],
        customStatus=sdk.StringValue(value='"at work"'),
    )


async def sent(scheduler: Scheduler, *, request: Any = None) -> None:
    """Answer a turn, and wait until that is over."""
    gauge = Gauge()
    answers_on(scheduler, gauge).complete_turn(asking(), request or turn())
    assert await asyncio.to_thread(gauge.wait_for_zero, 10)


def away(*, is_late: bool = False) -> NoAnswerError:
    return NoAnswerError(backend="azure", problem="away", was_sent=True, is_late=is_late)


def refused(problem: str = "no") -> BackendUnavailableError:
    return BackendUnavailableError(backend="azure", problem=problem)


def too_large() -> PayloadTooLargeError:
    return PayloadTooLargeError(what="the x", size=2_000_000, limit=1_048_576, remedy="show less")


@pytest.mark.parametrize(
    "error",
    [
        away(),
        away(is_late=True),
        ThrottledError(problem="at its limit", retry_after_seconds=0.0),
        AuthenticationFailedError(backend="azure", problem="no token"),
        refused("an internal error"),
    ],
    ids=["away", "late", "throttled", "no token", "refused"],
)
async def test_an_answer_is_sent_until_the_scheduler_has_it(error: Exception) -> None:
    scheduler = Scheduler(error, error, error, None)
    await sent(scheduler)
    assert scheduler.methods == [TURN] * 4


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_scheduler_that_is_away_is_waited_for_however_long(
    is_late: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def at_once(number: int) -> None: ...

    monkeypatch.setattr(module, "pause_before_attempt", at_once)
    with caplog.at_level(logging.INFO):
        scheduler = Scheduler(*(away(is_late=is_late) for _ in range(100)))
        await sent(scheduler)
    assert len(scheduler.calls) == 101
    assert not caplog.records  # the SDK's worker says it, once


@pytest.mark.parametrize("error", [refused("bad action"), TakenError("bad action")])
async def test_an_answer_that_is_refused_again_and_again_is_sent_on_and_told_of(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(*(error for _ in range(100)))
    await sent(scheduler)
    assert len(scheduler.calls) == 101  # nobody else has the item
    assert "bad action" in caplog.text


@pytest.mark.parametrize(
    "error",
    [StaleItemError("gone"), InstanceNotFoundError(instance_id="trip-1")],
    ids=["item", "instance"],
)
async def test_an_answer_that_somebody_else_has_given_is_not_sent_again(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(error)
    await sent(scheduler)
    assert scheduler.methods == [TURN]
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


async def test_an_answer_is_counted_from_the_moment_on_that_it_is_given() -> None:
    gauge = Gauge()
    answers = answers_on(Scheduler(), gauge)
    answers.complete_turn(asking(), turn())
    # The loop has not run yet, and a drain on another thread must see it.
    assert not gauge.wait_for_zero(0)
    assert await asyncio.to_thread(gauge.wait_for_zero, 10)


async def test_a_closed_worker_gives_up_what_is_on_its_way() -> None:
    scheduler, gauge = Scheduler(*(away() for _ in range(10_000))), Gauge()
    answers = answers_on(scheduler, gauge)
    answers.complete_turn(asking(), turn())
    await wait_on_loop_until(lambda: len(scheduler.calls) > 2)
    await answers.close()
    assert gauge.wait_for_zero(0)


async def test_a_closed_connection_ends_an_answer() -> None:
    scheduler = Scheduler(ClosedError(backend="azure"))
    await sent(scheduler)
    assert scheduler.methods == [TURN]


def test_an_answer_of_a_thread_that_outlives_the_loop_is_dropped() -> None:
    loop, gauge = asyncio.new_event_loop(), Gauge()
    loop.close()
    pretended: Any = Scheduler()
    Answers(pretended, loop, gauge).complete_turn(asking(), turn())
    assert gauge.wait_for_zero(0)


# -- what is given up -----------------------------------------------------------------------------


async def test_what_is_given_up_is_named_by_its_token_and_no_drain_waits_for_it() -> None:
    scheduler, gauge = Scheduler(), Gauge()
    answers = answers_on(scheduler, gauge)
    TurnStub(answers, turn()).AbandonTaskOrchestratorWorkItem(
        sdk.pb.AbandonOrchestrationTaskRequest(completionToken="a")
    )
    answers.abandon_entity("b")
    answers.abandon_activity("c")
    assert gauge.wait_for_zero(0)
    await wait_on_loop_until(lambda: len(scheduler.calls) == 3)
    assert [(method, request.completionToken) for method, request in scheduler.calls] == [
        ("AbandonTaskOrchestratorWorkItem", "a"),
        ("AbandonTaskEntityWorkItem", "b"),
        ("AbandonTaskActivityWorkItem", "c"),
    ]


# -- what is too large ----------------------------------------------------------------------------


async def test_a_turn_that_is_too_large_ends_its_instance_and_says_why() -> None:
    scheduler = Scheduler(too_large())
    await sent(scheduler)
    assert scheduler.methods == [TURN, TURN]
    failed = scheduler.calls[1][1]
    assert (failed.instanceId, failed.completionToken) == ("trip-1", "token")
    assert not failed.HasField("customStatus")
    (action,) = failed.actions
    end = action.completeOrchestration
    assert end.orchestrationStatus == sdk.pb.ORCHESTRATION_STATUS_FAILED
    assert end.failureDetails.errorType.endswith("PayloadTooLargeError")
    assert "2,000,000" in end.failureDetails.errorMessage


async def test_the_parent_of_such_a_child_is_told_before_the_child_ends() -> None:
    parent = ParentLink(instance_id="parent-1", run_id="run-0", command_id=7)
    for _ in range(2):
        scheduler = Scheduler(too_large())
        await sent(scheduler, request=turn(parent=parent, is_detached=True))
        assert scheduler.methods == [TURN, "RaiseEvent", TURN]
    word = scheduler.calls[1][1]
    assert word.instanceId == "parent-1"
    envelope = sdk.plain_json.deserialize(word.input.value)
    reply = decode_child_answer(decode_event(envelope).payload)
    assert (reply.run, reply.id) == ("run-0", 7)
    assert reply.failure is not None
    assert "2,000,000" in reply.failure.message
    assert envelope["id"]  # so that it is heard once, though it may be told twice


@pytest.mark.parametrize(
    "request_",
    [
        turn(parent=ParentLink(instance_id="parent-1", run_id="run-0", command_id=7)),
        turn(),
        sdk.pb.OrchestratorRequest(
            newEvents=[event("executionStarted", name="plan", input="no JSON")]
        ),
        sdk.pb.OrchestratorRequest(),
    ],
    ids=["the scheduler's own child", "no child", "foreign", "nothing"],
)
async def test_nobody_else_is_told(request_: Any) -> None:
    scheduler = Scheduler(too_large())
    await sent(scheduler, request=request_)
    assert scheduler.methods == [TURN, TURN]


async def test_a_result_of_an_activity_that_is_too_large_becomes_its_failure() -> None:
    scheduler = Scheduler(too_large())
    answer = sdk.pb.ActivityResponse(
        instanceId="trip-1", taskId=3, completionToken="token", result=sdk.StringValue(value="x")
    )
    await answers_on(scheduler).complete_activity(answer)
    assert scheduler.methods == [ACTIVITY, ACTIVITY]
    failed = scheduler.calls[1][1]
    assert (failed.taskId, failed.completionToken) == (3, "token")
    assert not failed.HasField("result")
    assert "2,000,000" in failed.failureDetails.errorMessage
