"""Attempts of activities to deliver to a record of results, here and to workers that are killed.

``python -m tests.bridge.deliveries FOLDER NOTES`` is such a worker: it delivers what each line of
its input says (number, delivery, what the activity does), and answers with a line each.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.errors import ActivityOutcomeUnknownError
from perdure.spi.bridge import ResultRecord
from perdure.spi.history import ActivityScheduled
from perdure.spi.program import ActivityOutcome, ActivityTask
from perdure.testing.crash_points import CrashPoint, reach

if TYPE_CHECKING:
    from perdure.types import Delivery, Failure

OpenRecord = Callable[..., ResultRecord]

ROOT = Path(__file__).parents[2]
BACKEND, HUB = "dapr", "orders@production"

numbers = itertools.count(1_000)


def attempt(
    number: int = 1,
    *,
    run_id: str = "run-1",
    name: str = "pay",
    delivery: Delivery = "at_least_once",
    attempt: int = 1,
) -> ActivityTask:
    """Return an attempt, all deliveries of which are equal."""
    scheduled = ActivityScheduled(
        at_us=0,
        id=number,
        name=name,
        arguments="{}",
        attempt=attempt,
        key_id=1,
        delivery=delivery,
    )
    return ActivityTask(instance_id="order-1", run_id=run_id, workflow="order", scheduled=scheduled)


def is_unknown(outcome: ActivityOutcome) -> bool:
    """Return whether nobody knows what came of an attempt."""
    return outcome.failure is not None and outcome.failure.matches(ActivityOutcomeUnknownError)


async def until_tidy(record: ResultRecord) -> None:
    """Wait until the record has tidied up, which it does after whatever somebody waits for."""
    for _ in range(2):
        await record.run(attempt(next(numbers)), Execution())
    while not record._writer.is_free:  # what came alone is tidied up with nobody waiting for it
        await asyncio.sleep(0.001)


class Execution:
    """Stands for a program: notes what it runs, and ends it when it may."""

    def __init__(self, *, is_open: bool = True, result_bytes: int = 0) -> None:
        """Make it.

        Args:
            is_open: Whether attempts may end at once; else once the gate is opened.
            result_bytes: How large results are; small by default, and each another one.
        """
        self._result_bytes = result_bytes
        self.runs: list[str] = []
        self.gate = asyncio.Event()
        self.has_begun = asyncio.Event()
        self.failure: Failure | None = None
        self.error: Exception | None = None
        if is_open:
            self.gate.set()

    async def __call__(self, task: ActivityTask) -> ActivityOutcome:
        self.runs.append(task.idempotency_key)
        self.has_begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if self.failure is not None:
            return ActivityOutcome(failure=self.failure)
        if self._result_bytes:
            return ActivityOutcome(result='"' + "x" * self._result_bytes + '"')
        return ActivityOutcome(result=f'"result {len(self.runs)} of {task.scheduled.id}"')


class DeliveryWorker:
    """A worker process that delivers attempts."""

    def __init__(self, folder: Path, notes: Path, *, dies: str = "", at: int = 1) -> None:
        """Start it.

        Args:
            folder: Where the record is.
            notes: The file in which activities write down that they run.
            dies: Where it kills itself: ``executed`` or ``recorded``.
            at: At which time that it gets there.
        """
        environment = CrashPoint(place=dies, count=at).environment if dies else {}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bridge.deliveries", str(folder), str(notes)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def deliver(
        self, number: int, *, delivery: Delivery = "at_least_once", does: str = "returns"
    ) -> None:
        """Deliver an attempt."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{number} {delivery} {does}\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        """Let it end once all that was delivered is answered."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def answer(self) -> str:
        """Wait for an answer, or the end of the process, which is an empty one."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def wait(self) -> int:
        """Wait until it has ended, and return how."""
        return self.process.wait()

    def kill(self) -> None:
        """End it by SIGKILL, if it lives."""
        self.process.kill()
        self.process.wait()
        self.end_input()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Worker:
    """What the worker process does."""

    def __init__(self, folder: Path, notes: Path) -> None:
        self._record = ResultRecord.open(BACKEND, HUB, folder=folder)
        self._notes = notes

    async def work(self) -> None:
        """Deliver what is read, until there is no more."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            while line := await loop.run_in_executor(None, sys.stdin.readline):
                number, delivery, does = line.split()
                task = attempt(
                    int(number),
                    delivery="at_most_once" if delivery == "at_most_once" else "at_least_once",
                )
                group.create_task(self._deliver(task, does))
        self._record.close()

    async def _deliver(self, task: ActivityTask, does: str) -> None:
        async def execute(task: ActivityTask) -> ActivityOutcome:
            self._note(task)
            if does == "hangs":
                await asyncio.Event().wait()
            await asyncio.sleep(0.001)
            reach("executed")
            return ActivityOutcome(result=f'"by {os.getpid()}"')

        outcome = await self._record.run(task, execute)
        reach("recorded")
        said = outcome.result if outcome.failure is None else outcome.failure.type
        sys.stdout.write(f"{task.scheduled.id} {said}\n")
        sys.stdout.flush()

    def _note(self, task: ActivityTask) -> None:
        descriptor = os.open(self._notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(descriptor, f"{task.scheduled.id}\n".encode())
        os.close(descriptor)


if __name__ == "__main__":
    asyncio.run(Worker(Path(sys.argv[1]), Path(sys.argv[2])).work())
