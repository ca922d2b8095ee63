"""One run of an instance in a worker's memory: its executor, and the script it has made."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from perdure.errors import ForbiddenInWorkflowError
from perdure.spi.bridge.script import (
    ArmTimer,
    Awaited,
    EndChildren,
    Looked,
    Open,
    Operation,
    ShowStatus,
    Step,
)
from perdure.spi.history import (
    ActivityScheduled,
    ChildStarted,
    ContinuedAsNew,
    Failed,
    HistoryEvent,
)
from perdure.types import Failure

if TYPE_CHECKING:
    from perdure.spi.history import Outcome
    from perdure.spi.program import Executor, Program


class Superseded(BaseException):
    """Another execution of the same instance has begun in this process; this one is stale.

    On ``BaseException``, so that the SDK does not make a failure of the instance of it.
    """


class Run:
    """Takes inputs one at a time and says what to ask of the SDK.

    An input that it has taken before is answered from its script. Where history turns out to hold
    another one, since an answer of ours was lost and somebody else went on, the executor is rebuilt
    from what both have in common.

    Attributes:
        run_id: Its id.
        workflow: The name of the workflow.
        lock: Held while it takes a step.
        owner: The one execution that may take steps.
        steps: What was taken so far.
        answered: Ids of the commands that have their answer, so that history surely has them.
    """

    def __init__(
        self, program: Program, workflow: str, *, run_id: str, hears_others: bool = True
    ) -> None:
        """Make a run that nothing has happened in.

        Args:
            program: What has the workflow's code.
            workflow: Its name.
            run_id: The run's.
            hears_others: Whether events that others raise by their own name are listened for.

        Raises:
            WorkflowNotRegisteredError: ``program`` lacks the workflow.
        """
        self.run_id = run_id
        self.workflow = workflow
        self.lock = threading.Lock()
        self.owner: object = None
        self.steps: list[Step] = []
        self.answered: set[int] = set()
        self._program = program
        self._hears_others = hears_others
        self._open = Open()
        self._executor: Executor = program.executor(workflow)

    @property
    def journal(self) -> list[HistoryEvent]:
        """All that the executor has recorded."""
        return [entry for step in self.steps for entry in step.entries]

    def step(
        self, position: int, cause: Awaited | None, event: HistoryEvent, *, answer: object = None
    ) -> Step:
        """Return the step at ``position``, which ``event`` makes.

        Raises:
            NonDeterminismError: The code does not fit what the run has in common with history.
        """
        if position < len(self.steps):
            known = self.steps[position]
            if known.event == event:
                return known
            self._go_back(position)
        step = self._take(cause, event, answer)
        self.steps.append(step)
        if isinstance(cause, ActivityScheduled | ChildStarted):
            self.answered.add(cause.id)
        return step

    def close(self) -> None:
        """Tear the suspended code down. May be called twice."""
        with self.lock:
            self._executor.close()

    def _go_back(self, position: int) -> None:
        self._executor.close()
        del self.steps[position:]
        self._open = Open(self.steps)
        self._executor = (
            self._program.rebuild(self.workflow, self.journal)
            if position
            else self._program.executor(self.workflow)
        )

    def _take(self, cause: Awaited | None, event: HistoryEvent, answer: object) -> Step:
        entries, outcome = self._deliver(event)
        self._open.answered(cause)
        operations: list[Operation] = []
        status = self._executor.custom_status_json
        if status is not None and status != self._open.custom_status:
            operations.append(ShowStatus(json_text=status))
        last = None
        if outcome is None:
            commands = (ActivityScheduled, ChildStarted)
            operations += [entry for entry in entries if isinstance(entry, commands)]
            operations += self._open.timer_for(self._executor.next_deadline_us())
            names = self._executor.open_waits() if self._hears_others else ()
            operations += self._open.waits_for(names)
        else:
            # Activities that the last moment has scheduled are of no use to anybody.
            operations += [entry for entry in entries if isinstance(entry, ChildStarted)]
        self._open.asked(operations, at_us=event.at_us)
        if outcome is not None and (last := self._last_operation(outcome, event.at_us)):
            operations.append(last)
        return Step(
            cause=cause,
            answer=answer,
            event=event,
            entries=entries,
            operations=operations,
            outcome=outcome,
            last=last,
        )

    def _deliver(self, event: HistoryEvent) -> tuple[list[HistoryEvent], Outcome | None]:
        executor = self._executor
        try:
            if isinstance(event, Looked):
                entries = executor.advance(event.at_us)
            else:
                entries = executor.deliver(event)
        except ForbiddenInWorkflowError as error:
            # The executor answers for what the code does; this came from outside the code.
            failed = Failed(
                at_us=max(event.at_us, executor.now_us), failure=Failure.from_exception(error)
            )
            return [*([] if isinstance(event, Looked) else [event]), failed], failed
        return entries, executor.outcome

    def _last_operation(self, outcome: Outcome, at_us: int) -> Awaited | None:
        """Return what must be done before the run may end."""
        if not isinstance(outcome, ContinuedAsNew):
            bound = [
                child.instance_id
                for child in self._executor.open_children()
                if child.on_parent_end == "terminate"
            ]
            if bound:
                return EndChildren(instance_ids=tuple(bound))
        if self._open.children_started_at_us == at_us:
            # Servers and SDKs drop what is asked for together with the end of a run: children that
            # this work item starts need one of their own first.
            return ArmTimer(deadline_us=at_us)
        return None
