"""Driving a workflow by hand: its activities complete in an order drawn by chance.

In between its executor is thrown away and rebuilt from the text of its journal, strictly: every
command must come again, with the same payload.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perdure._program import RegistryProgram
from perdure.payloads.pipeline import open_pipeline
from perdure.payloads.settings import Payloads
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    HistoryEvent,
    Outcome,
    WorkflowStarted,
)
from perdure.spi.journal import decode_journal, encode_journal
from perdure.spi.program import ActivityOutcome, ActivityTask

if TYPE_CHECKING:
    import random

    from perdure import Registry
    from perdure.payloads.executor import PayloadExecutor

_START_US = 1_800_000_000_000_000
_ID = "it"

Answers = dict[tuple[str, str], ActivityOutcome]


def program_of(app: Registry) -> RegistryProgram:
    """Return what can be driven of an app."""
    return RegistryProgram(app, payloads=open_pipeline(Payloads()))


@dataclass(kw_only=True)
class Drive:
    """One run of a workflow.

    Attributes:
        program: Whose workflow it is.
        workflow: Its name.
        draw: Chooses what completes next.
        rebuilds: How likely a rebuild is between two inputs; at 1 there is one between any two.
        answers: Outcomes of activities by name and arguments; what is there is not run again.
        executed: How many activities of each name completed.
        choices: How often more than one activity could have come next.
    """

    program: RegistryProgram
    workflow: str
    draw: random.Random
    rebuilds: float
    answers: Answers
    executed: Counter[str] = field(default_factory=Counter)
    choices: int = 0
    _journal: list[HistoryEvent] = field(default_factory=list)

    async def to_its_end(self) -> Outcome:
        """Run the workflow to its end, and replay it once more as a whole."""
        executor = self.program.executor(self.workflow)
        started = WorkflowStarted(
            at_us=_START_US,
            instance_id=_ID,
            run_id="run",
            workflow=self.workflow,
            arguments="{}",
            seed="seed",
        )
        self._journal += executor.deliver(started)
        while executor.outcome is None:
            if self.draw.random() < self.rebuilds:
                executor = self._rebuilt(executor)
            await self._step(executor)
        outcome = self._rebuilt(executor).outcome
        assert outcome is not None
        return outcome

    async def _step(self, executor: PayloadExecutor) -> None:
        open_now = list(executor.open_activities())
        self.choices += len(open_now) > 1
        if open_now:
            event = await self._completed(self.draw.choice(open_now), at_us=executor.now_us + 1)
            self._journal += executor.deliver(event)
            return
        deadline_us = executor.next_deadline_us()
        assert deadline_us is not None, f"stuck; it waits for events: {executor.open_waits()}"
        self._journal += executor.advance(deadline_us)

    async def _completed(self, scheduled: ActivityScheduled, *, at_us: int) -> HistoryEvent:
        key = (scheduled.name, scheduled.arguments)
        if key not in self.answers:
            task = ActivityTask(
                instance_id=_ID, run_id="run", workflow=self.workflow, scheduled=scheduled
            )
            # In a task, so that what it puts into its context is gone with it.
            self.answers[key] = await asyncio.create_task(self.program.run_activity(task))
        self.executed[scheduled.name] += 1
        outcome = self.answers[key]
        if outcome.failure is not None:
            return ActivityFailed(at_us=at_us, id=scheduled.id, failure=outcome.failure)
        assert outcome.result is not None
        return ActivityCompleted(at_us=at_us, id=scheduled.id, result=outcome.result)

    def _rebuilt(self, executor: PayloadExecutor) -> PayloadExecutor:
        """Return an executor made from the journal's text, in the place of ``executor``."""
        executor.close()
        entries = decode_journal(encode_journal(self._journal))
        rebuilt = self.program.rebuild(self.workflow, entries, strict=True)
        assert type(rebuilt.outcome) is type(executor.outcome)
        assert rebuilt.open_activities() == executor.open_activities()
        return rebuilt
