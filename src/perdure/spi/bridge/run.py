"""One run of an instance in a worker's memory: its executor, and the script it has made."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure.errors import ForbiddenInWorkflowError
from perdure.spi.bridge.channel import EVENT_CHANNEL
from perdure.spi.bridge.notes import note_of
from perdure.spi.bridge.plan import Plan, command_of
from perdure.spi.bridge.script import (
    ArmTimer,
    Awaited,
    Listen,
    Looked,
    Open,
    Operation,
    ShowStatus,
    StartDetached,
    Step,
)
from perdure.spi.bridge.shown import encode_status
from perdure.spi.history import (
    Failed,
    HistoryEvent,
    WorkflowStarted,
)
from perdure.types import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.bridge.notes import Note
    from perdure.spi.bridge.openings import Opening, Prefix
    from perdure.spi.bridge.script import Carrier
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
        self,
        program: Program,
        opening: Opening,
        *,
        hears_others: bool = True,
        notes_in_timers: bool = False,
        detaches_children: bool = False,
    ) -> None:
        """Make a run that nothing has happened in.

        Args:
            program: What has the workflow's code.
            opening: How the run begins.
            hears_others: Whether events that others raise by their own name are listened for.
            notes_in_timers: Whether a vendor timer has room for notes.
            detaches_children: Whether some children are started apart from the vendor's.

        Raises:
            WorkflowNotRegisteredError: ``program`` lacks the workflow.
            PayloadError: The journal that it begins with is not whole.
        """
        workflow = opening.workflow
        self.run_id = opening.start.run_id
        self.workflow = workflow
        self.lock = threading.Lock()
        self.owner: object = None
        self.steps: list[Step] = []
        self.answered: set[int] = set()
        self._program = program
        self._opening = opening
        self._prefix = opening.prefix()
        self._plan = Plan(
            opening,
            hears_others=hears_others,
            notes_in_timers=notes_in_timers,
            detaches_children=detaches_children,
        )
        self._open = Open(shown=opening.start.custom_status)
        self._executor: Executor = program.executor(workflow)

    @property
    def journal(self) -> list[HistoryEvent]:
        """All that the executor has recorded."""
        return [entry for step in self.steps for entry in step.entries]

    @property
    def custom_status_json(self) -> str | None:
        """The status that the workflow has set, in this run or the ones before."""
        return self._executor.custom_status_json or self._opening.start.custom_status

    @property
    def notes(self) -> Sequence[Note]:
        """What is dark and was not given to anything to be carried."""
        return self._open.notes

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
        command = None if cause is None else command_of(cause)
        if command is not None and _is_answer(cause, step.event):
            self.answered.add(command.id)
        return step

    def close(self) -> None:
        """Tear the suspended code down. May be called twice."""
        with self.lock:
            self._executor.close()

    def _go_back(self, position: int) -> None:
        self._executor.close()
        del self.steps[position:]
        self._open = Open(self.steps, shown=self._opening.start.custom_status)
        self._executor = (
            self._program.rebuild(self.workflow, self.journal)
            if position
            else self._program.executor(self.workflow)
        )

    def _take(self, cause: Awaited | None, event: HistoryEvent, answer: object) -> Step:
        entries, source, outcome = self._deliver(event)
        plan, executor, kept = self._plan, self._executor, 0
        if self._prefix is not None and not self.steps:
            kept = len(self._prefix.journal)
        operations = plan.asked_again(cause, event, self._open)
        self._open.answered(cause, event)
        operations += plan.commands(entries[kept:], event, executor)
        if outcome is None:
            operations += plan.waits(executor, self._open)
        self._open.asked(operations, at_us=event.at_us)
        closing: tuple[Awaited, ...] = ()
        if outcome is not None:
            starts_children = self._open.children_started_at_us == event.at_us
            closing = plan.closing(outcome, entries, executor, needs_turn=starts_children)
            operations += closing
        note = self._note(
            entries[kept:], source, cause=cause, operations=operations, closing=closing
        )
        carrier, carried = self._carry(operations, note, goes_on=outcome is None)
        shown = self._shown()
        if shown != self._open.shown:
            operations.append(ShowStatus(json_text=shown))
            self._open.shown = shown
        return Step(
            cause=cause,
            answer=answer,
            event=event,
            entries=entries,
            kept=kept,
            operations=operations,
            outcome=outcome,
            closing=closing,
            note=note,
            carrier=carrier,
            carried=carried,
        )

    def _deliver(
        self, event: HistoryEvent
    ) -> tuple[list[HistoryEvent], HistoryEvent, Outcome | None]:
        """Return the entries of an input, what the executor was given, and how the run ended."""
        executor = self._executor
        try:
            if isinstance(event, Looked):
                entries = executor.advance(event.at_us)
            elif isinstance(event, WorkflowStarted) and self._prefix is not None:
                return self._rebuild(event, self._prefix)
            else:
                entries = executor.deliver(event)
        except ForbiddenInWorkflowError as error:
            # The executor answers for what the code does; this came from outside the code.
            at_us = max(event.at_us, executor.now_us)
            failed = Failed(at_us=at_us, failure=Failure.from_exception(error))
            taken = [] if isinstance(event, Looked) else [replace(event, at_us=at_us)]
            return [*taken, failed], event, failed
        return entries, event, executor.outcome

    def _rebuild(
        self, event: WorkflowStarted, prefix: Prefix
    ) -> tuple[list[HistoryEvent], HistoryEvent, Outcome | None]:
        """Begin a rerun: go through what it keeps, then take the first step of its own."""
        self._executor.close()
        self._executor = executor = self._program.rebuild(self.workflow, prefix.journal)
        if prefix.again is None:
            entries = executor.advance(event.at_us)
            source: HistoryEvent = Looked(at_us=event.at_us)
        else:
            source = replace(prefix.again, at_us=event.at_us)
            entries = executor.deliver(source)
        return [*prefix.journal, *entries], source, executor.outcome

    def _note(
        self,
        entries: Sequence[HistoryEvent],
        source: HistoryEvent,
        *,
        cause: Awaited | None,
        operations: Iterable[Operation],
        closing: Iterable[Awaited],
    ) -> Note | None:
        is_foreign = isinstance(cause, Listen) and cause.name != EVENT_CHANNEL
        commands = map(command_of, operations)
        return note_of(
            len(self.steps),
            entries,
            source=source,
            foreign_event=cause.name if is_foreign and isinstance(cause, Listen) else None,
            asked={command.id for command in commands if command is not None},
            # Errands tell by themselves that the run is over.
            ends=any(isinstance(each, ArmTimer) for each in closing),
            # Nothing else shows that a run is perdure's which somebody else has started.
            is_foreign=self._opening.is_foreign and not self.steps,
        )

    def _carry(
        self, operations: list[Operation], note: Note | None, *, goes_on: bool
    ) -> tuple[Carrier | None, tuple[Note, ...]]:
        """Return the operation that carries notes, and those; what nothing carries is shown."""
        notes = (*self._open.notes, *([] if note is None else [note]))
        carrier = self._plan.carrier(operations)
        if carrier is None:
            carrier = self._plan.carrier_for(notes, goes_on=goes_on)
            if carrier is not None:
                operations.append(carrier)
        self._open.noted(note, carrier)
        return carrier, () if carrier is None else notes

    def _shown(self) -> str | None:
        refusals = [reason for _, reason in self._open.refused.values()]
        return encode_status(
            self.custom_status_json,
            notes=self._open.notes,
            held=refusals[0] if refusals else None,
            is_stalled=True,
        )


def _is_answer(cause: Awaited | None, event: HistoryEvent) -> bool:
    if isinstance(event, Looked):
        return isinstance(cause, StartDetached) and not event.again
    return True
