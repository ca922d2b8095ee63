"""The meter: what a run costs in actions, from its journal alone. Pure functions.

A journal says what a workflow did; it does not say each message that a scheduler dispatched for it.
The meter counts what ``perdure-azure`` has dispatched for the same run, wherever it was recorded:

* each child is an instance of its own, and has a journal of its own, in which its start is counted;
* perdure arms one timer for the earliest deadline, and the next one when that has fired. A journal
  does not say that a deadline was given up, so it counts as kept;
* a child with an id of its own choice, or that outlives its parent, is started by an activity, and
  answers by an activity of its own and an event. All of that counts with its parent;
* children that still run when their parent ends are terminated by an activity;
* a run with patches began twice: the first time notes them.

Not in a journal, and not counted: the runs before a continue-as-new, and before a rerun; a delayed
start's timer; what a child tells a parent that has ended; looks of workers at an instance that
waits for code; what came after the end. What is delivered twice is taken to be billed once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perdure.spi.history import (
    EXECUTION_DEADLINE_ID,
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    Completed,
    ContinuedAsNew,
    EventReceived,
    Failed,
    Resumed,
    Suspended,
    Terminated,
    TimerCreated,
    WorkflowStarted,
)
from perdure.spi.runs import child_digest
from perdure_bench.billing.actions import TIMERS_SCHEDULED, Actions
from perdure_bench.billing.timers import OwnTimers, VendorTimers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perdure.spi.history import HistoryEvent

_INPUTS: dict[type[HistoryEvent], str] = {
    ActivityCompleted: "activity_results",
    ActivityFailed: "activity_results",
    EventReceived: "events",
    Suspended: "suspends",
    Resumed: "resumes",
    Terminated: "terminates",
}
_ENDS = (Completed, Failed, ContinuedAsNew)


def count_actions(journal: Iterable[HistoryEvent]) -> Actions:
    """Return the actions of one run.

    Of an instance that is not perdure's, and of a journal without its first event, every timer
    counts by itself, and every child as one that the scheduler knows.
    """
    run = _Run()
    for step in _steps(journal):
        run.take(step)
    return run.counted()


class _Run:
    """What was counted so far of a run."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._timers: OwnTimers | VendorTimers = VendorTimers()
        self._run_id: str | None = None
        self._open_children: dict[int, ChildStarted] = {}
        self._is_child_detached = False

    def take(self, step: list[HistoryEvent]) -> None:
        """Count an input, and the commands that it led to."""
        event, *commands = step
        self._timers.advance(event)
        self._take_input(event)
        is_over = isinstance(event, Terminated) or any(isinstance(c, _ENDS) for c in commands)
        if is_over:
            self._end(commands)
            return
        for command in commands:
            self._take_command(command)
        self._timers.arm(event.at_us)

    def counted(self) -> Actions:
        """Return all of it."""
        kinds = self._kinds + Counter(
            {TIMERS_SCHEDULED: self._timers.scheduled, "timers_fired": self._timers.fired}
        )
        return Actions(kinds=dict(kinds))

    def _take_input(self, event: HistoryEvent) -> None:
        if isinstance(event, WorkflowStarted):
            self._begin(event)
        elif isinstance(event, ChildCompleted | ChildFailed):
            child = self._open_children.pop(event.id, None)
            if child is not None and self._is_detached(child):
                self._kinds["events"] += 1
                self._errand()
            else:
                self._kinds["sub_orchestration_results"] += 1
        elif kind := _INPUTS.get(type(event)):
            self._kinds[kind] += 1

    def _begin(self, started: WorkflowStarted) -> None:
        parent = started.parent
        is_known = parent is not None and started.instance_id.endswith(
            child_digest(parent.run_id, parent.command_id)
        )
        self._is_child_detached = parent is not None and not is_known
        self._kinds["sub_orchestration_starts" if is_known else "orchestration_starts"] += 1
        if started.patches:
            self._kinds["continue_as_new"] += 1
        if started.perdure:
            self._run_id = started.run_id
            self._timers = OwnTimers()
            if started.execution_deadline_us is not None:
                self._timers.want(EXECUTION_DEADLINE_ID, started.execution_deadline_us)

    def _take_command(self, command: HistoryEvent) -> None:
        if isinstance(command, ActivityScheduled):
            self._kinds["activity_schedules"] += 1
        elif isinstance(command, TimerCreated):
            self._timers.want(command.id, command.fire_at_us)
        elif isinstance(command, ChildStarted):
            self._open_children[command.id] = command
            if self._is_detached(command):
                self._errand()

    def _end(self, commands: list[HistoryEvent]) -> None:
        """Count what a run does at its end: of its last commands only children that outlive it."""
        outcome = next((c for c in commands if isinstance(c, _ENDS)), None)
        if self._run_id is None or outcome is None:
            return
        outliving = [c for c in commands if isinstance(c, ChildStarted) and _outlives(c)]
        for _ in outliving:
            self._errand()
        tied = [child for child in self._open_children.values() if not _outlives(child)]
        if tied and not isinstance(outcome, ContinuedAsNew):
            self._errand()
            self._kinds["sub_orchestration_results"] += len(tied)
        elif outliving and not self._is_child_detached:
            # A turn of its own, so that the server does not drop the starts with the end.
            self._kinds[TIMERS_SCHEDULED] += 1
            self._kinds["timers_fired"] += 1

    def _errand(self) -> None:
        self._kinds["activity_schedules"] += 1
        self._kinds["activity_results"] += 1

    def _is_detached(self, child: ChildStarted) -> bool:
        if self._run_id is None:
            return False
        return _outlives(child) or not child.instance_id.endswith(
            child_digest(self._run_id, child.id)
        )


def _steps(journal: Iterable[HistoryEvent]) -> Iterator[list[HistoryEvent]]:
    step: list[HistoryEvent] = []
    for event in journal:
        if step and not event.is_command:
            yield step
            step = []
        step.append(event)
    if step:
        yield step


def _outlives(child: ChildStarted) -> bool:
    return child.on_parent_end == "abandon"
