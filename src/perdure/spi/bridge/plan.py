"""The plan of a run: what is to be asked of the SDK because of what the executor recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from perdure.spi.bridge.channel import encode_child_answer
from perdure.spi.bridge.script import (
    AnswerParent,
    ArmTimer,
    EndChildren,
    Listen,
    Looked,
    Open,
    ShowStatus,
    StartDetached,
)
from perdure.spi.history import ActivityScheduled, ChildStarted, Completed, Failed, WorkflowStarted
from perdure.spi.runs import child_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure.spi.bridge.notes import Note
    from perdure.spi.bridge.openings import Opening
    from perdure.spi.bridge.script import Awaited, Carrier, Operation
    from perdure.spi.history import HistoryEvent, Outcome
    from perdure.spi.program import Executor

_MOST_ITEMS_SHOWN = 400
"""So much may be noted in the custom status, which goes along with each answer."""


class Plan:
    """Decides what each step asks for. Keeps nothing itself."""

    def __init__(
        self,
        opening: Opening,
        *,
        hears_others: bool,
        notes_in_timers: bool,
        detaches_children: bool,
    ) -> None:
        self._opening = opening
        self._hears_others = hears_others
        self._notes_in_timers = notes_in_timers
        self._detaches_children = detaches_children

    def asked_again(
        self, cause: Awaited | None, event: HistoryEvent, asked: Open
    ) -> list[Operation]:
        """Return what to ask for once more; to be called before ``asked`` knows of ``event``."""
        if not isinstance(event, Looked):
            return []
        if event.wakes:
            return [activity for activity, _ in asked.refused.values()]
        return [cause] if event.again and cause is not None else []

    def commands(
        self, entries: Iterable[HistoryEvent], event: HistoryEvent, executor: Executor
    ) -> list[Operation]:
        """Return the commands to ask for.

        Args:
            entries: What the step has recorded.
            event: Its input.
            executor: In the state after it.
        """
        commands: Sequence[ActivityScheduled | ChildStarted]
        if executor.outcome is not None:
            # Activities that the last moment has scheduled are of no use to anybody, and children
            # that would end with their parent would end before they began.
            commands = [entry for entry in entries if _outlives(entry)]
        elif isinstance(event, WorkflowStarted) and self._opening.start.prefix:
            # Of a rerun also what it keeps without its answer: that runs again, under its id.
            commands = [*executor.open_activities(), *executor.open_children()]
        else:
            commands = [e for e in entries if isinstance(e, ActivityScheduled | ChildStarted)]
        return [self._operation(command) for command in commands]

    def waits(self, executor: Executor, asked: Open) -> list[Operation]:
        """Return the timer and the events to wait for beside what is waited for already."""
        names = executor.open_waits() if self._hears_others else ()
        timer = asked.timer_for(executor.next_deadline_us(), now_us=executor.now_us)
        return [*timer, *asked.waits_for(names)]

    def closing(
        self,
        outcome: Outcome,
        entries: Sequence[HistoryEvent],
        executor: Executor,
        *,
        needs_turn: bool,
    ) -> tuple[Awaited, ...]:
        """Return what must be done before the run may end.

        Args:
            outcome: How it ends.
            entries: What its last step has recorded.
            executor: In the state after it.
            needs_turn: Whether this work item starts children.
        """
        closing: list[Awaited] = []
        if isinstance(outcome, Completed | Failed):
            tied = [c for c in executor.open_children() if not _outlives(c) and c not in entries]
            if tied:
                closing.append(EndChildren(instance_ids=tuple(c.instance_id for c in tied)))
            start = self._opening.start
            if start.is_detached and start.parent is not None:
                payload = encode_child_answer(
                    start.parent,
                    result=outcome.result if isinstance(outcome, Completed) else None,
                    failure=outcome.failure if isinstance(outcome, Failed) else None,
                )
                closing.append(AnswerParent(parent=start.parent, payload=payload))
        if not closing and needs_turn:
            # Servers and SDKs drop what is asked for together with the end of a run: children that
            # this work item starts need one of their own first.
            closing.append(ArmTimer(deadline_us=executor.now_us))
        return tuple(closing)

    def carrier(self, operations: Iterable[Operation]) -> Carrier | None:
        """Return the operation that carries notes, if there is one."""
        return next((operation for operation in operations if self._carries(operation)), None)

    def carrier_for(self, notes: Iterable[Note], *, goes_on: bool) -> Carrier | None:
        """Return an operation that does nothing but carry ``notes``, where they are too many."""
        items = sum(note.items for note in notes)
        return EndChildren(instance_ids=()) if goes_on and items > _MOST_ITEMS_SHOWN else None

    def _operation(self, command: ActivityScheduled | ChildStarted) -> Operation:
        if not (self._detaches_children and isinstance(command, ChildStarted)):
            return command
        own = child_digest(self._opening.start.run_id, command.id)
        if _outlives(command) or not command.instance_id.endswith(own):
            return StartDetached(child=command)
        return command

    def _carries(self, operation: Operation) -> TypeGuard[Carrier]:
        if isinstance(operation, ArmTimer):
            return self._notes_in_timers
        return not isinstance(operation, Listen | ShowStatus)


def command_of(operation: Operation) -> ActivityScheduled | ChildStarted | None:
    """Return the command that an operation asks for, if it is one."""
    if isinstance(operation, StartDetached):
        return operation.child
    return operation if isinstance(operation, ActivityScheduled | ChildStarted) else None


def _outlives(entry: HistoryEvent) -> TypeGuard[ChildStarted]:
    return isinstance(entry, ChildStarted) and entry.on_parent_end == "abandon"
