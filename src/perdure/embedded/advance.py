"""One step of one instance on its way into the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.embedded import ending, inbox, lifecycle
from perdure.embedded.rows import NewInstance
from perdure.embedded.targets import find
from perdure.errors import InstanceAlreadyExistsError
from perdure.spi.history import ChildFailed, ContinuedAsNew, WorkflowStarted
from perdure.spi.journal import encode_journal
from perdure.types import Failure, ParentLink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perdure._runner.runner import Step
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.transaction import Transaction
    from perdure.spi.history import ActivityScheduled, ChildStarted

_JOURNAL = "INSERT INTO journal (instance_pk, run_number, seq, entries) VALUES (?, ?, ?, ?)"
_BEGUN = (
    "UPDATE instances SET status = 'running', updated_at_us = ? WHERE pk = ? AND status = 'pending'"
)
_CUSTOM_STATUS = "UPDATE instances SET custom_status = ?, updated_at_us = ? WHERE pk = ?"
_STARTED = "INSERT OR IGNORE INTO started (instance_pk, run_number, command_id) VALUES (?, ?, ?)"


class Advance:
    """A step, and what its transaction writes beside the journal.

    Attributes:
        activities: To be started once it is committed.
        marks: Command ids of at-most-once activities that are about to be started.
        kept: Tokens of the inputs that were kept back, in their order; set by :func:`write`.
    """

    __slots__ = (
        "_child_runs",
        "activities",
        "children",
        "custom_status",
        "is_first",
        "kept",
        "live",
        "marks",
        "outcome",
        "row",
        "run_id",
        "step",
    )

    def __init__(
        self,
        live: LiveInstance,
        step: Step,
        *,
        activities: list[ActivityScheduled],
        new_run_id: Callable[[], str],
    ) -> None:
        run = live.run
        runner = live.runner
        self.live = live
        self.step = step
        self.activities = activities
        self.children = step.children()
        self.outcome = runner.outcome
        self.is_first = False
        self.row: tuple[int, int, int, str] | None = None
        if step.entries:
            self.is_first = type(step.entries[0]) is WorkflowStarted
            self.row = (run.pk, run.run_number, live.seq, encode_journal(step.entries))
            live.seq += 1
        self.kept: list[int] = []
        self.marks: list[int] = []
        # Drawn here, so that writing a second time after a failed commit writes the same.
        self.run_id = new_run_id() if isinstance(self.outcome, ContinuedAsNew) else ""
        self._child_runs = [new_run_id() for _ in self.children]
        status = runner.executor.custom_status_json
        self.custom_status = status if status != live.custom_status else None
        live.custom_status = status

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to write."""
        return (
            self.row is not None
            or bool(self.step)
            or self.custom_status is not None
            or bool(self.marks)
        )

    @property
    def is_special(self) -> bool:
        """Whether :meth:`write_apart` has anything to write."""
        return (
            self.is_first
            or self.outcome is not None
            or self.custom_status is not None
            or bool(self.children)
            or bool(self.step.kept_back)
        )

    def write_apart(self, tx: Transaction) -> None:
        """Write what few steps have; the rest is written for all steps together."""
        run = self.live.run
        for child, run_id in zip(self.children, self._child_runs, strict=True):
            self._start_child(tx, child, run_id=run_id)
        self.kept = [
            inbox.keep(tx, run.pk, arrival.event, run_id=run.run_id)
            for arrival in self.step.kept_back
        ]
        if self.custom_status is not None:
            tx.execute(_CUSTOM_STATUS, (self.custom_status, tx.now_us, run.pk))
        outcome = self.outcome
        if outcome is None:
            if self.is_first:
                tx.execute(_BEGUN, (tx.now_us, run.pk))
        elif isinstance(outcome, ContinuedAsNew):
            ending.continue_as_new(tx, run, outcome, run_id=self.run_id)
        else:
            ending.end(tx, run, outcome)

    def _start_child(self, tx: Transaction, child: ChildStarted, *, run_id: str) -> None:
        run = self.live.run
        parent = ParentLink(instance_id=run.instance_id, run_id=run.run_id, command_id=child.id)
        new = NewInstance(
            instance_id=child.instance_id,
            run_id=run_id,
            workflow=child.workflow,
            arguments=child.arguments,
            headers=child.headers,
            tags=child.tags,
            parent=parent,
            on_parent_end=child.on_parent_end,
        )
        if lifecycle.insert(tx, new):
            return
        existing = find(tx, child.instance_id)
        target = find(tx, run.instance_id)
        assert existing is not None
        assert target is not None
        error = InstanceAlreadyExistsError(
            instance_id=child.instance_id, status=existing.status.value
        )
        failure = Failure.from_exception(error, with_traceback=False)
        event = ChildFailed(at_us=tx.now_us, id=child.id, failure=failure)
        inbox.put(tx, target, event, kind="child", run_id=run.run_id)


def write(tx: Transaction, advances: Iterable[Advance]) -> None:
    """Write steps, in the order in which they were taken. May be called again after a rollback."""
    journal = []
    consumed: list[int] = []
    started: list[tuple[int, int, int]] = []
    apart = []
    for advance in advances:
        if advance.row is not None:
            journal.append(advance.row)
        consumed += advance.step.consumed
        run = advance.live.run
        if advance.marks:
            started += [(run.pk, run.run_number, command_id) for command_id in advance.marks]
        if advance.is_special:
            apart.append(advance)
    tx.executemany(_JOURNAL, journal)
    if consumed:
        inbox.delete(tx, consumed)
    if started:
        tx.executemany(_STARTED, started)
    for advance in apart:
        advance.write_apart(tx)
