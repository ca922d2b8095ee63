"""Driving a workflow by hand: what it waits for completes in an order drawn by chance.

In between its executor is thrown away and rebuilt from the text of its journal, strictly: every
command must come again, with the same payload.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from perdure._program import RegistryProgram
from perdure.payloads.pipeline import open_pipeline
from perdure.payloads.settings import Payloads
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ActivityScheduled,
    ChildCompleted,
    ChildFailed,
    ChildStarted,
    Completed,
    HistoryEvent,
    Outcome,
    WorkflowStarted,
)
from perdure.spi.journal import decode_journal, encode_journal
from perdure.spi.program import ActivityOutcome, ActivityTask
from tests.soak import either

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from perdure import Registry
    from perdure.payloads.executor import PayloadExecutor

ORDERS: Final = 50
_ORDERS_REBUILT_THROUGHOUT: Final = either(5, soak=ORDERS)
_REBUILDS_IN_OTHERS: Final = 0.15
_SMALL: Final = 1024
_START_US: Final = 1_800_000_000_000_000


@dataclass(kw_only=True)
class Driver:
    """Runs the workflows of an app.

    Attributes:
        draw: Chooses what completes next.
        rebuilds: How likely a rebuild is between two inputs; at 1 there is one between any two.
        answers: Outcomes of activities by name and arguments; what is there is not run again.
        executed: How many activities of each name completed.
        choices: How often more than one thing could have come next.
        journal: That of the run that ended last.
    """

    program: RegistryProgram
    draw: random.Random
    rebuilds: float = 1.0
    answers: dict[tuple[str, str], ActivityOutcome] = field(default_factory=dict)
    executed: Counter[str] = field(default_factory=Counter)
    choices: int = 0
    journal: list[HistoryEvent] = field(default_factory=list)

    async def run(
        self, workflow: str, arguments: str = "{}", *, instance_id: str = "it"
    ) -> Outcome:
        """Run a workflow to its end, and replay it once more as a whole."""
        run = _Run(self.program, workflow)
        run.deliver(
            WorkflowStarted(
                at_us=_START_US,
                instance_id=instance_id,
                run_id="run",
                workflow=workflow,
                arguments=arguments,
                seed="seed",
            )
        )
        while run.executor.outcome is None:
            if self.draw.random() < self.rebuilds:
                run.rebuild()
            await self._step(run)
        run.rebuild()
        self.journal = run.journal
        outcome = run.executor.outcome
        assert outcome is not None
        return outcome

    async def text_of(self, payload: str) -> str:
        """Return a payload that may lie in the store."""
        return await self.program.payloads.read_async(payload, what="a result")

    async def _step(self, run: _Run) -> None:
        executor = run.executor
        open_now: list[ActivityScheduled | ChildStarted] = [
            *executor.open_activities(),
            *executor.open_children(),
        ]
        self.choices += len(open_now) > 1
        if open_now:
            run.deliver(await self._completed(run, self.draw.choice(open_now)))
            return
        deadline_us = executor.next_deadline_us()
        assert deadline_us is not None, f"stuck; it waits for events: {executor.open_waits()}"
        run.advance(deadline_us)

    async def _completed(
        self, run: _Run, command: ActivityScheduled | ChildStarted
    ) -> HistoryEvent:
        at_us = run.executor.now_us + 1
        if isinstance(command, ChildStarted):
            ended = await self.run(
                command.workflow, command.arguments, instance_id=command.instance_id
            )
            if isinstance(ended, Completed):
                return ChildCompleted(at_us=at_us, id=command.id, result=ended.result)
            return ChildFailed(at_us=at_us, id=command.id, failure=ended.failure)  # type: ignore[union-attr]  # no others here
        outcome = await self._outcome(run, command)
        self.executed[command.name] += 1
        if outcome.failure is not None:
            return ActivityFailed(at_us=at_us, id=command.id, failure=outcome.failure)
        assert outcome.result is not None
        return ActivityCompleted(at_us=at_us, id=command.id, result=outcome.result)

    async def _outcome(self, run: _Run, scheduled: ActivityScheduled) -> ActivityOutcome:
        key = (scheduled.name, scheduled.arguments)
        if key not in self.answers:
            task = ActivityTask(
                instance_id="it", run_id="run", workflow=run.workflow, scheduled=scheduled
            )
            # In a task, so that what it puts into its context is gone with it.
            self.answers[key] = await asyncio.create_task(self.program.run_activity(task))
        return self.answers[key]


class _Run:
    """One run: its executor, and its journal so far."""

    def __init__(self, program: RegistryProgram, workflow: str) -> None:
        self.workflow = workflow
        self.executor: PayloadExecutor = program.executor(workflow)
        self._program = program
        self.journal: list[HistoryEvent] = []

    def deliver(self, event: HistoryEvent) -> None:
        self.journal += self.executor.deliver(event)

    def advance(self, at_us: int) -> None:
        self.journal += self.executor.advance(at_us)

    def rebuild(self) -> None:
        """Go on with an executor made from the journal's text."""
        was = self.executor
        was.close()
        entries = decode_journal(encode_journal(self.journal))
        self.executor = self._program.rebuild(self.workflow, entries, strict=True)
        # Before, the result stood there as it is stored; now it is plain. What it says is compared
        # by the strict replay.
        assert type(self.executor.outcome) is type(was.outcome)
        assert self.executor.open_activities() == was.open_activities()
        assert self.executor.open_children() == was.open_children()


def driver_of(app: Registry, draw: random.Random, *, store: Path | None = None) -> Driver:
    """Return a driver of an app's workflows.

    Args:
        app: What it drives.
        draw: Chooses what completes next.
        store: A folder for payloads that are not small; without it all are inline.
    """
    payloads = Payloads() if store is None else Payloads(store=store.as_uri(), threshold=_SMALL)
    program = RegistryProgram(app, payloads=open_pipeline(payloads))
    return Driver(program=program, draw=draw)


async def in_orders(
    app: Registry, workflow: str, *, store: Path, orders: int = ORDERS
) -> AsyncIterator[tuple[str, Driver, str]]:
    """Run a workflow in many orders of completion (in the one there is, where there is but one).

    In some of them the executor is rebuilt between any two inputs, in the others now and then.
    Every other one has a payload store, to which all goes that is not small. What an activity gave
    in one order is not asked for again in another one with the same store.

    Args:
        app: Whose workflow it is.
        workflow: Its name.
        store: A folder for payloads.
        orders: How many orders.

    Yields:
        Which order it was, for messages; its driver; and the result.
    """
    drivers = [driver_of(app, random.Random(0), store=it) for it in (None, store)]
    for seed in range(orders):
        is_rebuilt_throughout = seed < _ORDERS_REBUILT_THROUGHOUT
        driver = replace(
            drivers[seed % len(drivers)],
            draw=random.Random(seed),
            rebuilds=1.0 if is_rebuilt_throughout else _REBUILDS_IN_OTHERS,
            executed=Counter(),
            choices=0,
        )
        ended = await driver.run(workflow)
        assert isinstance(ended, Completed), ended
        yield f"order {seed}", driver, await driver.text_of(ended.result)
        if driver.choices == 0 and seed > 0:
            return
