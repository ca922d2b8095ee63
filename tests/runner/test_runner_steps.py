"""The runner alone: what it delivers, what it keeps back, what a step says is to be persisted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure._program import RegistryProgram
from perdure._runner.runner import Runner, is_on_hold
from perdure.errors import ForbiddenInWorkflowError
from perdure.spi.history import (
    ActivityCompleted,
    EventReceived,
    Failed,
    HistoryEvent,
    Resumed,
    Suspended,
    Terminated,
    WorkflowStarted,
)

if TYPE_CHECKING:
    import pytest

registry = Registry()


@registry.activity
async def note(name: str) -> str:
    return name


@registry.workflow
async def talk() -> list[str]:
    first = await note("a")
    await asyncio.sleep(10)
    return [first, await perdure.wait_for_event("word", str)]


def begun() -> Runner:
    runner = Runner(RegistryProgram(registry).executor("talk"))
    started = WorkflowStarted(
        at_us=0, instance_id="i", run_id="r", workflow="talk", arguments="{}", seed="s"
    )
    runner.post(started)
    step = runner.step(0)
    assert kinds(step.entries) == ["WorkflowStarted", "ActivityScheduled"]
    assert [activity.name for activity in step.activities()] == ["note"]
    return runner


def kinds(entries: list[HistoryEvent]) -> list[str]:
    return [type(entry).__name__ for entry in entries]


def test_a_step_delivers_all_that_was_posted_and_names_what_is_consumed() -> None:
    runner = begun()
    runner.post(EventReceived(at_us=1, name="word", payload='"b"'), token=7)
    runner.post(ActivityCompleted(at_us=2, id=1, result='"a"'))
    step = runner.step(2)
    assert kinds(step.entries) == ["EventReceived", "ActivityCompleted", "TimerCreated"]
    assert step.consumed == [7]
    assert runner.next_deadline_us() == 10_000_002


def test_a_step_fires_the_timers_that_are_due() -> None:
    runner = begun()
    runner.post(ActivityCompleted(at_us=2, id=1, result='"a"'))
    runner.step(2)
    assert not runner.step(10_000_001)
    assert kinds(runner.step(10_000_002).entries) == ["TimerFired"]


def test_on_hold_everything_is_kept_back_and_delivered_in_order_afterwards() -> None:
    runner = begun()
    runner.post(Suspended(at_us=1), token=1)
    runner.post(ActivityCompleted(at_us=2, id=1, result='"a"'))
    runner.post(EventReceived(at_us=3, name="word", payload='"b"'), token=2)
    step = runner.step(3)
    assert kinds(step.entries) == ["Suspended"]
    assert step.consumed == [1]
    assert [arrival.event for arrival in step.kept_back] == [
        ActivityCompleted(at_us=2, id=1, result='"a"')
    ]
    step.kept_back[0].token = 3
    runner.post(Resumed(at_us=9), token=4)
    step = runner.step(9)
    assert kinds(step.entries)[:3] == ["Resumed", "ActivityCompleted", "TimerCreated"]
    assert step.consumed == [4, 3, 2]


def test_suspending_twice_is_suspending_once() -> None:
    runner = begun()
    for token in (1, 2):
        runner.post(Suspended(at_us=1), token=token)
    step = runner.step(1)
    assert kinds(step.entries) == ["Suspended"]
    assert step.consumed == [1, 2]
    assert is_on_hold(step.entries)
    assert not is_on_hold([*step.entries, Resumed(at_us=2)])


def test_terminating_on_hold_fires_no_timer() -> None:
    runner = begun()
    runner.post(ActivityCompleted(at_us=2, id=1, result='"a"'))
    runner.post(Suspended(at_us=3))
    runner.step(3)
    runner.post(Terminated(at_us=99_000_000, reason="enough"))
    step = runner.step(99_000_000)
    assert kinds(step.entries) == ["Terminated"]
    assert isinstance(runner.outcome, Terminated)


def test_what_comes_after_the_end_stays_undelivered() -> None:
    runner = begun()
    runner.post(Terminated(at_us=1))
    runner.post(EventReceived(at_us=2, name="word", payload='"b"'), token=5)
    step = runner.step(2)
    assert step.consumed == []
    assert [arrival.token for arrival in runner.undelivered()] == [5]


def test_an_error_thrown_into_a_step_from_outside_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runner = begun()

    def deliver(event: HistoryEvent) -> list[HistoryEvent]:
        raise ForbiddenInWorkflowError(what="never yielding", remedy="await something")

    monkeypatch.setattr(runner.executor, "deliver", deliver)
    event = ActivityCompleted(at_us=2, id=1, result='"a"')
    runner.post(event)
    step = runner.step(2)
    assert step.entries[0] == event
    assert isinstance(runner.outcome, Failed)
    assert runner.outcome.failure.matches(ForbiddenInWorkflowError)
