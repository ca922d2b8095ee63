"""What a rerun keeps of a journal: enough that the command is open again, and nothing behind it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure._program import RegistryProgram
from perdure.spi.history import (
    ActivityCompleted,
    ActivityScheduled,
    ChildStarted,
    Completed,
    EventReceived,
    HistoryEvent,
    TimerCreated,
    TimerFired,
    WorkflowStarted,
)
from perdure.spi.rerun import Kept, kept_for_rerun

if TYPE_CHECKING:
    from perdure.spi.program import Executor

app = perdure.App("reruns")


@app.activity(retry=perdure.RetryPolicy.none())
async def add(a: int, b: int) -> int:
    return a + b


@app.workflow
async def errand(value: int) -> int:
    total = sum(await asyncio.gather(add(value, 1), add(value, 2)))
    await asyncio.sleep(5)
    total += await add(total, 1)
    perdure.start_child(errand.bind(total), on_parent_end="abandon")
    return total


STARTED = WorkflowStarted(
    at_us=0, instance_id="i", run_id="r", workflow="errand", arguments='{"value":1}', seed="r"
)


def whole_journal() -> list[HistoryEvent]:
    """Return the journal of a run to its end, in which the last step starts a child."""
    executor = RegistryProgram(app).executor("errand")
    journal = executor.deliver(STARTED)
    while executor.outcome is None:
        journal += next_entries(executor, at_us=journal[-1].at_us)
    return journal


def next_entries(executor: Executor, *, at_us: int) -> list[HistoryEvent]:
    if activities := executor.open_activities():
        (a, b) = json.loads(activities[0].arguments).values()
        result = ActivityCompleted(at_us=at_us + 1, id=activities[0].id, result=str(a + b))
        return executor.deliver(result)
    deadline_us = executor.next_deadline_us()
    assert deadline_us is not None
    return executor.advance(deadline_us)


WHOLE = whole_journal()
COMMANDS = [
    entry.id
    for entry in WHOLE
    if isinstance(entry, ActivityScheduled | TimerCreated | ChildStarted)
]


@pytest.mark.parametrize("command_id", COMMANDS)
def test_what_is_kept_fits_the_code_and_the_command_is_open(command_id: int) -> None:
    kept = kept_for_rerun(WHOLE, command_id)
    executor = RegistryProgram(app).rebuild("errand", kept.journal)
    if kept.again is not None:
        executor.deliver(replace(kept.again, at_us=executor.now_us))
    open_ids = [activity.id for activity in executor.open_activities()]
    open_ids += [child.id for child in executor.open_children()]
    if executor.next_deadline_us() is not None:
        open_ids += [e.id for e in kept.journal if isinstance(e, TimerCreated)]
    assert command_id in open_ids
    executor.close()


@pytest.mark.parametrize("command_id", COMMANDS[:-1])
def test_the_command_is_of_the_last_step_that_is_kept(command_id: int) -> None:
    kept = kept_for_rerun(WHOLE, command_id)
    assert kept.again is None
    assert list(kept.journal) == WHOLE[: len(kept.journal)]
    inputs = [at for at, entry in enumerate(kept.journal) if not entry.is_command]
    assert command_id in [getattr(entry, "id", 0) for entry in kept.journal[inputs[-1] + 1 :]]


def test_the_step_that_ended_the_run_is_taken_anew() -> None:
    last_input = WHOLE[-3]
    assert isinstance(last_input, ActivityCompleted)
    assert kept_for_rerun(WHOLE, COMMANDS[-1]) == Kept(journal=tuple(WHOLE[:-3]), again=last_input)


def test_a_run_of_one_step_begins_anew() -> None:
    child = ChildStarted(at_us=0, id=1, workflow="w", instance_id="c", arguments="{}")
    journal = [STARTED, child, Completed(at_us=0, result="1")]
    assert kept_for_rerun(journal, 1) == Kept(journal=())


def test_the_end_of_a_later_step_is_not_that_of_the_commands_own() -> None:
    timer = TimerCreated(at_us=0, id=1, fire_at_us=5)
    event = EventReceived(at_us=1, name="go", payload="1")
    journal = [STARTED, timer, event, TimerFired(at_us=5, id=1), Completed(at_us=5, result="1")]
    assert kept_for_rerun(journal, 1) == Kept(journal=(STARTED, timer))


def test_a_command_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no command 99"):
        kept_for_rerun(WHOLE, 99)
