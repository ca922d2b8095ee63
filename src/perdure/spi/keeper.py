"""Runs the code of a worker whose host keeps records of runs: a record in, its changes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perdure.spi.history import ActivityScheduled
from perdure.spi.replies import outcomes_unknown
from perdure.spi.runs import STALLING_ERRORS, feed, run_activity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from perdure.spi.history import WorkflowStarted
    from perdure.spi.program import Executor, Program
    from perdure.spi.record import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """What came of a step.

    Attributes:
        changes: Of the record, to be made durable first, in one piece; empty if there are none.
        activities: What is to be started after that.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    activities: tuple[ActivityScheduled, ...] = ()


class RunKeeper:
    """The executors of a worker, by run. It writes nothing; see :class:`RunRecord` for changes."""

    def __init__(self, program: Program, *, now_us: Callable[[], int]) -> None:
        self._program = program
        self._now_us = now_us
        self._executors: dict[str, Executor] = {}

    def known(self, records: Iterable[RunRecord]) -> list[RunRecord]:
        """Return those whose workflow this worker can run."""
        workflows = self._program.workflows
        return [record for record in records if record.run.workflow in workflows]

    def step(self, record: RunRecord) -> RunStep:
        """Advance a run by what it has not taken and what is due.

        A run that this worker has not had yet is rebuilt first, and what was open in it begins
        again. One whose code or payloads do not fit stalls, which is a change too.
        """
        run_id = record.run.run_id
        is_new = run_id not in self._executors
        try:
            if is_new:
                self._executors[run_id] = self._program.rebuild(record.run.workflow, record.journal)
            return self._step(record, self._executors[run_id], is_new=is_new)
        except STALLING_ERRORS as error:
            self._let_go(run_id)
            return RunStep(changes={"stalled": str(error)})

    def _step(self, record: RunRecord, executor: Executor, *, is_new: bool) -> RunStep:
        now_us = self._now_us()
        activities = list(executor.open_activities()) if is_new else []
        untaken = record.untaken
        # Last: what a lost worker did tell of an activity comes before that nobody knows.
        lost = outcomes_unknown(activities, at_us=now_us)
        entries, delivered = feed(executor, [*untaken, *lost], at_us=now_us)
        if not entries and not delivered:
            return RunStep(activities=tuple(activities))
        changes = {
            "taken": record.taken + min(delivered, len(untaken)),
            "journal": entries,
            "custom_status_json": executor.custom_status_json,
        }
        if executor.outcome is not None:
            return RunStep(changes=changes)
        # Those of the journal are taken from there: it has their payloads as they are stored.
        activities += (entry for entry in entries if isinstance(entry, ActivityScheduled))
        still_open = {activity.id for activity in executor.open_activities()}
        return RunStep(
            changes=changes, activities=tuple(each for each in activities if each.id in still_open)
        )

    async def run(self, run: WorkflowStarted, activity: ActivityScheduled) -> Mapping[str, Any]:
        """Run an activity, and return what it changes in the record of its run."""
        try:
            event = await run_activity(self._program, run, activity, now_us=self._now_us)
        except STALLING_ERRORS as error:
            return {"stalled": str(error)}
        return {"inbox": [event]}

    def busy(self, records: Iterable[RunRecord]) -> list[RunRecord]:
        """Return those that a step may advance, of all there are; let go of all others."""
        busy = [record for record in self.known(records) if not record.is_idle]
        for run_id in self._executors.keys() - {record.run.run_id for record in busy}:
            self._let_go(run_id)
        return busy

    def close(self) -> None:
        """Let go of all. May be called twice."""
        self.busy(())

    def _let_go(self, run_id: str) -> None:
        executor = self._executors.pop(run_id, None)
        if executor is not None:
            executor.close()
