"""A stage: one workflow instance driven by hand, and what its code may await there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from perdure._replay import (
    ActivityCall,
    ChildCall,
    WorkflowDefinition,
    WorkflowExecutor,
    require_executor,
)
from perdure.spi import history
from perdure.spi.history import ActivityCompleted, ActivityFailed, ChildCompleted, ChildFailed
from perdure.spi.journal import decode_journal, encode_journal
from perdure.types import Failure, RetryPolicy
from tests.replay.program_driver import Play, check_prefixes

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from datetime import timedelta

    from perdure._replay.calls import ChildRun
    from perdure.spi.history import BufferedEvent, HistoryEvent
    from perdure.types import Delivery, OnParentEnd

START_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
ONCE = RetryPolicy.none()


class Stage:
    """Drives one instance and keeps its journal.

    Args:
        stamped: The patches of a start that somebody else stamped; ``None``, and it is yet to be.

    Attributes:
        new: What the last step added to the journal.
    """

    def __init__(
        self,
        run: Callable[[], Coroutine[Any, Any, Any]] | WorkflowDefinition,
        *,
        patches: tuple[str, ...] = (),
        stamped: tuple[str, ...] | None = None,
        carried: tuple[BufferedEvent, ...] = (),
        seed: str = "seed",
        deadline_seconds: float | None = None,
    ) -> None:
        self.definition = run if isinstance(run, WorkflowDefinition) else _definition(run, patches)
        self.play = Play(WorkflowExecutor(self.definition))
        self.new: list[HistoryEvent] = []
        self.now_us = START_US
        self._started = history.WorkflowStarted(
            at_us=START_US,
            instance_id="play-1",
            run_id="run-1",
            workflow=self.definition.name,
            arguments="{}",
            seed=seed,
            patches=stamped,
            carried=carried,
            headers={"trace": "t-1"},
            execution_deadline_us=None if deadline_seconds is None else _us(deadline_seconds),
        )

    # What happens.

    def start(self) -> Stage:
        """Begin the run."""
        return self.deliver(self._started)

    def deliver(self, event: HistoryEvent) -> Stage:
        """Deliver any input."""
        self.new = self.play.give(event)
        return self

    def complete(self, name: str, value: Any = None, *, after: float = 0) -> Stage:
        """Complete the oldest open activity or child of that name."""
        kind, number = self._open(name)
        made = {"activity": ActivityCompleted, "child": ChildCompleted}[kind]
        event = made(at_us=self._later(after), id=number, result=json.dumps(value))
        return self.deliver(event)

    def fail(self, name: str, error: BaseException | Failure, *, after: float = 0) -> Stage:
        """Fail the oldest open activity or child of that name."""
        kind, number = self._open(name)
        made = {"activity": ActivityFailed, "child": ChildFailed}[kind]
        failure = error if isinstance(error, Failure) else Failure.from_exception(error)
        return self.deliver(made(at_us=self._later(after), id=number, failure=failure))

    def send(self, name: str, value: Any = None, *, after: float = 0) -> Stage:
        """Raise an event."""
        at_us = self._later(after)
        payload = json.dumps(value)
        return self.deliver(history.EventReceived(at_us=at_us, name=name, payload=payload))

    def cancel(self) -> Stage:
        """Ask the workflow to cancel itself."""
        return self.send(history.CANCEL_EVENT)

    def advance(self, seconds: float) -> Stage:
        """Let time pass."""
        self.new = self.play.give(self._later(seconds))
        return self

    # What is to be seen.

    @property
    def executor(self) -> WorkflowExecutor:
        """The executor that runs now."""
        return self.play.executor

    @property
    def journal(self) -> list[HistoryEvent]:
        """All entries so far."""
        return self.play.journal

    @property
    def commands(self) -> list[str]:
        """All commands so far, in words; a timer by its instant in seconds from the start."""
        return [_in_words(event) for event in self.journal if event.is_command]

    @property
    def new_commands(self) -> list[str]:
        """The commands of the last step, in words."""
        return [_in_words(event) for event in self.new if event.is_command]

    @property
    def open(self) -> list[str]:
        """The names of open activities, then of open children."""
        activities = [activity.name for activity in self.executor.open_activities()]
        return activities + [child.workflow for child in self.executor.open_children()]

    @property
    def result(self) -> Any:
        """What the workflow returned."""
        assert isinstance(self.executor.outcome, history.Completed), self.executor.outcome
        return json.loads(self.executor.outcome.result)

    @property
    def failure(self) -> Failure:
        """What the workflow raised."""
        assert isinstance(self.executor.outcome, history.Failed), self.executor.outcome
        return self.executor.outcome.failure

    @property
    def next_run(self) -> history.ContinuedAsNew:
        """How the workflow goes on."""
        assert isinstance(self.executor.outcome, history.ContinuedAsNew), self.executor.outcome
        return self.executor.outcome

    # Replays.

    def rebuilt(self, *, strict: bool = True) -> WorkflowExecutor:
        """Return an executor made from the journal, by way of its text."""
        entries = decode_journal(encode_journal(self.journal))
        return WorkflowExecutor.rebuild(self.definition, entries, strict=strict)

    def resume(self, *, strict: bool = True) -> Stage:
        """Go on with a rebuilt executor, as after a crash."""
        self.executor.close()
        self.play.executor = self.rebuilt(strict=strict)
        return self

    def check(self) -> None:
        """Rebuild from every prefix, let the same happen again, and compare the journals."""
        for _ in check_prefixes(self.definition, self.play):
            pass

    def _later(self, seconds: float) -> int:
        self.now_us += round(seconds * SECOND_US)
        return self.now_us

    def _open(self, name: str) -> tuple[str, int]:
        for activity in self.executor.open_activities():
            if activity.name == name:
                return "activity", activity.id
        for child in self.executor.open_children():
            if child.workflow == name:
                return "child", child.id
        raise AssertionError(f"{name!r} is not open; open: {self.open}")


def _definition(
    run: Callable[[], Coroutine[Any, Any, Any]], patches: tuple[str, ...]
) -> WorkflowDefinition:
    async def run_json(_arguments: str) -> str:
        return json.dumps(await run())

    return WorkflowDefinition(name="play", run=run_json, patches=patches)


def _us(seconds: float) -> int:
    return START_US + round(seconds * SECOND_US)


def _in_words(event: HistoryEvent) -> str:
    match event:
        case history.ActivityScheduled():
            return event.name if event.attempt == 1 else f"{event.name} #{event.attempt}"
        case history.TimerCreated():
            return f"timer {(event.fire_at_us - START_US) / SECOND_US:g}"
        case history.ChildStarted():
            return f"child {event.workflow}"
        case _:
            return type(event).__name__


# What a workflow awaits on the stage.


def this() -> WorkflowExecutor:
    """Return the executor of the workflow that asks."""
    return require_executor("a test")


async def act(
    name: str,
    *values: Any,
    retry: RetryPolicy = ONCE,
    timeout: timedelta | None = None,
    delivery: Delivery = "at_least_once",
) -> Any:
    """Run an activity."""
    call = ActivityCall(
        name=name,
        encode=lambda: json.dumps(values),
        retry=retry,
        timeout=timeout,
        delivery=delivery,
    )
    return json.loads(await this().call_activity(call))


async def event(name: str) -> Any:
    """Wait for an event."""
    return json.loads(await this().wait_for_event(name))


def start_child(
    name: str, *, instance_id: str | None = None, on_parent_end: OnParentEnd = "terminate"
) -> ChildRun:
    """Start a child workflow."""
    call = ChildCall(
        workflow=name,
        encode=lambda: "{}",
        instance_id=instance_id,
        on_parent_end=on_parent_end,
    )
    return this().start_child(call)


async def child(name: str) -> Any:
    """Run a child workflow to its end."""
    return json.loads(await start_child(name).result())
