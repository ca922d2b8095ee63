"""How a run ends: results, errors, deadlines, force; and what comes too late."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.history import (
    ActivityCompleted,
    ChildCompleted,
    Completed,
    EventReceived,
    Failed,
    Resumed,
    Suspended,
    Terminated,
    TimerFired,
)
from tests.replay.stage import START_US, act, child, event, this

if TYPE_CHECKING:
    from tests.replay.conftest import Begin


def test_a_workflow_may_end_while_things_are_open(begin: Begin) -> None:
    async def run() -> Any:
        asyncio.create_task(act("a"))  # noqa: RUF006 - the loop holds it
        asyncio.create_task(asyncio.sleep(60))  # noqa: RUF006
        return await act("b")

    stage = begin(run).complete("b", 1)

    assert stage.result == 1
    assert stage.executor.next_deadline_us() is None
    assert stage.advance(60).new == []


def test_an_error_fails_the_workflow_with_type_message_and_traceback(begin: Begin) -> None:
    async def run() -> None:
        raise ZeroDivisionError("by nothing")

    failure = begin(run).failure

    assert (failure.type, failure.message) == ("ZeroDivisionError", "by nothing")
    assert failure.matches(ArithmeticError)
    assert "in run" in failure.traceback


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_errors_that_end_processes_end_only_the_instance(
    begin: Begin, error: type[BaseException]
) -> None:
    async def run() -> None:
        await act("a")
        raise error

    assert begin(run).complete("a").failure.type == error.__name__


def test_a_run_past_its_deadline_fails_whatever_it_does(begin: Begin) -> None:
    async def run() -> None:
        while True:
            try:
                await act("a")
            except BaseException:  # noqa: BLE001 - hostile
                await act("b")

    stage = begin(run, deadline_seconds=60)

    assert stage.executor.next_deadline_us() == START_US + 60_000_000
    failure = stage.advance(60).failure
    assert (failure.type, "execution_timeout" in failure.message) == ("TimeoutError", True)
    assert stage.new_commands == ["Failed"]


def test_a_deadline_comes_after_timers_that_are_due_before_it(begin: Begin) -> None:
    async def run() -> Any:
        await asyncio.sleep(30)
        return "in time"

    assert begin(run, deadline_seconds=60).advance(90).result == "in time"


def test_termination_ends_the_run_without_its_code(begin: Begin) -> None:
    async def run() -> Any:
        try:
            return await act("a")
        finally:
            await act("undo")

    stage = begin(run).deliver(Terminated(at_us=START_US + 1, reason="enough"))

    assert stage.new == [Terminated(at_us=START_US + 1, reason="enough")]
    assert stage.executor.outcome == stage.new[0]


def test_a_late_result_is_recorded_and_dropped(begin: Begin) -> None:
    async def run() -> Any:
        task = asyncio.create_task(act("slow"))
        await act("go")
        task.cancel()
        return await act("b")

    stage = begin(run).complete("go").complete("slow", "late")

    assert [type(entry) for entry in stage.new] == [ActivityCompleted]
    assert stage.complete("b", 1).result == 1


@pytest.mark.parametrize(
    "repeated",
    [
        ActivityCompleted(at_us=START_US, id=1, result="2"),
        ActivityCompleted(at_us=START_US, id=99, result="2"),
        ChildCompleted(at_us=START_US, id=1, result="2"),
        TimerFired(at_us=START_US, id=99),
    ],
)
def test_a_result_for_nothing_open_is_not_recorded(begin: Begin, repeated: Any) -> None:
    async def run() -> Any:
        return [await act("a"), await act("b")]

    stage = begin(run).complete("a", 1).deliver(repeated)

    assert stage.new == []
    assert stage.complete("b", 3).result == [1, 3]


def test_a_timer_reported_by_its_host_fires_once(begin: Begin) -> None:
    async def run() -> Any:
        await asyncio.sleep(5)
        return await act("a")

    stage = begin(run)
    for _ in range(2):
        stage.deliver(TimerFired(at_us=START_US + 5_000_000, id=1))

    assert sum(isinstance(entry, TimerFired) for entry in stage.journal) == 1
    assert stage.complete("a", 1).result == 1


def test_a_hold_is_recorded_and_runs_nothing(begin: Begin) -> None:
    async def run() -> Any:
        return await act("a")

    stage = begin(run)
    stage.deliver(Suspended(at_us=START_US + 1, reason="why")).deliver(Resumed(at_us=START_US + 2))

    assert stage.new == [Resumed(at_us=START_US + 2)]
    assert stage.complete("a", 1).result == 1


def test_nothing_is_delivered_to_a_run_that_has_ended(begin: Begin) -> None:
    async def run() -> Any:
        return 1

    stage = begin(run).send("go").advance(60)

    assert [type(entry).__name__ for entry in stage.journal] == ["WorkflowStarted", "Completed"]


def test_a_run_starts_once_and_first(begin: Begin) -> None:
    stage = begin(lambda: act("a"))
    other = begin(lambda: act("a"), is_checked=False)
    other.executor.close()

    with pytest.raises(ValueError, match="has started already"):
        stage.executor.deliver(stage.journal[0])
    fresh = type(stage.executor)(stage.definition)
    with pytest.raises(ValueError, match="first input of a run is its WorkflowStarted"):
        fresh.deliver(EventReceived(at_us=START_US, name="go", payload="1"))


def test_only_inputs_are_delivered(begin: Begin) -> None:
    stage = begin(lambda: act("a"))

    with pytest.raises(TypeError, match="Completed is not an input"):
        stage.executor.deliver(Completed(at_us=START_US, result="1"))


def test_a_workflow_knows_the_run_it_is(begin: Begin) -> None:
    async def run() -> Any:
        info = this().info
        await asyncio.sleep(60)
        return [
            info.instance_id,
            info.run_id,
            info.workflow,
            dict(info.headers),
            this().now() - info.started_at == timedelta(seconds=60),
        ]

    expected = ["play-1", "run-1", "play", {"trace": "t-1"}, True]
    assert begin(run).advance(60).result == expected


def test_a_run_that_waits_for_what_nothing_can_bring_fails_and_says_where(begin: Begin) -> None:
    async def run() -> None:
        await act("a")
        await asyncio.Event().wait()

    failure = begin(run).complete("a").failure

    assert failure.type == "perdure.errors.ForbiddenInWorkflowError"
    assert "test_run_ends.py:" in failure.message


@pytest.mark.parametrize("wait", [act, child, event])
def test_a_run_is_not_stuck_while_anything_can_wake_it(begin: Begin, wait: Any) -> None:
    async def run() -> Any:
        flag = asyncio.Event()

        async def part() -> None:
            await wait("x")
            flag.set()

        asyncio.create_task(part())  # noqa: RUF006
        await flag.wait()
        return "woken"

    stage = begin(run)
    stage.send("x") if wait is event else stage.complete("x")
    assert stage.result == "woken"


def test_a_run_is_stuck_once_the_last_thing_it_could_wait_for_came_too_late(begin: Begin) -> None:
    async def run() -> None:
        task = asyncio.create_task(act("a"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.Event().wait()

    stage = begin(run)

    assert stage.executor.outcome is None
    assert isinstance(stage.complete("a").executor.outcome, Failed)
