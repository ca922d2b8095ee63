"""The same workflows on Dapr's own SDK, as far as it can express them, with the same record.

An operation is told apart by its label and the SDK's number of the task.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dapr.ext.workflow as wf

from tests.campaign.shapes import NUMBERS
from tests.crash import evidence, kill_points
from tests.crash.shapes import GENERATIONS, TICKS

if TYPE_CHECKING:
    from collections.abc import Generator

    from dapr.ext.workflow import DaprWorkflowContext, WorkflowActivityContext

    Steps = Generator[Any, Any, Any]
    Input = dict[str, Any]

_RECORD: Final = Path(os.environ.get("CRASH_RECORD", "crash-record.jsonl"))
_RETRIES: Final = wf.RetryPolicy(
    first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=4
)


def _note(phase: evidence.Phase, context: WorkflowActivityContext, given: Input) -> None:
    label = str(given["label"])
    line = evidence.Line(
        phase=phase,
        key=label,
        attempt=context.task_id,
        pid=os.getpid(),
        label=label,
        seen=tuple(given["seen"]) if phase == "begin" else (),
    )
    evidence.append(_RECORD, line)
    if phase == "end":
        kill_points.result_reached()


async def work(context: WorkflowActivityContext, given: Input) -> str:
    """Do something for a while, on the SDK's loop."""
    _note("begin", context, given)
    await asyncio.sleep(given["milliseconds"] / 1000)
    _note("end", context, given)
    return str(given["label"])


def blocking_work(context: WorkflowActivityContext, given: Input) -> str:
    """Do something for a while, in a thread."""
    _note("begin", context, given)
    time.sleep(given["milliseconds"] / 1000)
    _note("end", context, given)
    return str(given["label"])


async def flaky_work(context: WorkflowActivityContext, given: Input) -> str:
    """Fail on the first attempts; the SDK does not say which attempt it is, the record does."""
    label = str(given["label"])
    failed = sum(each.label == label and each.phase == "fail" for each in evidence.read(_RECORD))
    _note("begin", context, given)
    if failed < given["failures"]:
        _note("fail", context, given)
        raise ConnectionError(f"{label} is out of reach")
    _note("end", context, given)
    return label


def chain(context: DaprWorkflowContext, name: str) -> Steps:
    """Run one activity after the other, in loop and in threads."""
    done: list[str] = []
    for number in range(8):
        run = blocking_work if number % 3 == 2 else work
        given = {"label": f"{name}/{number}", "seen": list(done), "milliseconds": 10}
        done.append((yield context.call_activity(run, input=given)))
    return done


def fan_out(context: DaprWorkflowContext, name: str) -> Steps:
    """Run many at once, twice."""
    first = yield wf.when_all(
        [
            context.call_activity(work, input=_given(f"{name}/a{n}", milliseconds=5 + 10 * n))
            for n in range(6)
        ]
    )
    second = yield wf.when_all(
        [
            context.call_activity(blocking_work, input=_given(f"{name}/b{n}", first, 30))
            for n in range(6)
        ]
    )
    return [*first, *second]


def stubborn(context: DaprWorkflowContext, name: str) -> Steps:
    """Retry what fails."""
    done: list[str] = []
    for number in range(3):
        given = {"label": f"{name}/{number}", "seen": list(done), "failures": number}
        done.append((yield context.call_activity(flaky_work, input=given, retry_policy=_RETRIES)))
    return done


def clockwork(context: DaprWorkflowContext, name: str) -> Steps:
    """Let timers fire, and count each."""
    done: list[str] = []
    for number in range(TICKS):
        yield context.create_timer(timedelta(milliseconds=60))
        done.append((yield context.call_activity(work, input=_given(f"{name}/{number}", done))))
    return list(range(TICKS))


def hearer(context: DaprWorkflowContext, name: str) -> Steps:
    """Take numbers until the last has come, and work on each."""
    heard: list[int] = []
    done: list[str] = []
    while NUMBERS not in heard:
        heard.append((yield context.wait_for_external_event("number")))
        done.append((yield context.call_activity(work, input=_given(f"{name}/{len(heard)}", done))))
    return heard


def family(context: DaprWorkflowContext, name: str) -> Steps:
    """Wait for children."""
    return (
        yield wf.when_all(
            [context.call_child_workflow(chain, input=f"{name}/child{n}") for n in range(3)]
        )
    )


def generations(context: DaprWorkflowContext, given: list[Any]) -> Steps:
    """Begin again with a fresh history."""
    name, number, seen = given
    for step in range(3):
        label = f"{name}/{number}.{step}"
        seen = [*seen, (yield context.call_activity(work, input=_given(label, seen, 8)))]
    if number + 1 < GENERATIONS:
        context.continue_as_new([name, number + 1, seen], save_events=True)
    return seen


def teller(context: DaprWorkflowContext, name: str) -> Steps:
    """Show how far it is at each step."""
    done: list[str] = []
    for number in range(5):
        context.set_custom_status(f"{name} at {number}")
        done.append((yield context.call_activity(work, input=_given(f"{name}/{number}", done))))
    context.set_custom_status(f"{name} at its end")
    return done


def race(context: DaprWorkflowContext, name: str) -> Steps:
    """Let an activity and a timer race; losers stay harmless."""
    slow = context.call_activity(work, input=_given(f"{name}/slow", milliseconds=400))
    # The SDK lets a task be waited for in one race only.
    yield wf.when_any([slow, context.create_timer(timedelta(milliseconds=30))])
    for number in range(3):
        yield context.call_activity(work, input=_given(f"{name}/{number}"))
    return (yield slow)


WORKFLOWS: Final = (
    chain, fan_out, stubborn, clockwork, hearer, family, generations, teller, race,
)  # fmt: skip
ACTIVITIES: Final = (work, blocking_work, flaky_work)


def start_input(workflow: str, name: str) -> object:
    """Return what to start ``workflow`` with."""
    return [name, 0, []] if workflow == "generations" else name


def _given(label: str, seen: list[str] | None = None, milliseconds: int = 5) -> Input:
    return {"label": label, "seen": list(seen or ()), "milliseconds": milliseconds}
