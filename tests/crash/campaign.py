"""A campaign.

Real worker processes on one real file, killed by SIGKILL at seeded moments, and what came of it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import perdure
from tests.crash import evidence, shapes

if TYPE_CHECKING:
    from pathlib import Path

_PLACES = ("signal", "signal", "result", "before-commit", "after-commit")
_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do; the same seed gives the same plan."""

    seed: int
    kills: int
    workers: int = 1
    instances_a_round: int = 3
    clock_back_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a plan: from the activities' record and the workflows' results."""

    plan: Plan
    instances: int = 0
    lost: list[str] = field(default_factory=list)
    wrong: dict[str, Any] = field(default_factory=dict)
    findings: evidence.Findings = field(default_factory=evidence.Findings)
    kills: int = 0
    kills_in_flight: int = 0
    kills_before_commit: int = 0
    places: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def line(self) -> str:
        """Return the report in one line."""
        return (
            f"seed {self.plan.seed}: {self.kills} kills ({self.plan.workers} workers; "
            f"{self.kills_in_flight} with activities in flight, {self.kills_before_commit} between "
            f"a result and its commit; {dict(sorted(self.places.items()))}), "
            f"{self.instances} instances, {self.findings.operations} operations: "
            f"{len(self.lost)} lost, {len(self.wrong)} wrong, "
            f"{len(self.findings.repeated_after_commit)} run again after their commit, "
            f"{self.findings.repeated_in_doubt} run again in doubt; {self.seconds:.1f} s"
        )


class Worker:
    """One worker process."""

    def __init__(
        self, folder: Path, *, place: str = "none", count: int = 0, clock_back: float = 0
    ) -> None:
        self.place = place
        self._log = (folder / "workers.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.worker_main"],
            env={
                **os.environ,
                **environment(folder),
                "CRASH_POINT": f"{place}:{count}",
                "CRASH_CLOCK_BACK": str(clock_back),
            },
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def kill(self) -> None:
        """Kill it, if it has not killed itself."""
        self.process.kill()
        self.process.wait()
        self._log.close()

    def end(self) -> None:
        """Ask it to drain, and wait for it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self._log.close()


def environment(folder: Path) -> dict[str, str]:
    """Return what tells a worker process where its file and its record are."""
    return {
        "CRASH_BACKEND": f"sqlite:///{folder / 'perdure.db'}",
        "CRASH_RECORD": str(folder / "record.jsonl"),
    }


class Campaign:
    """Carries out one plan."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.report = Report(plan=plan)
        self._folder = folder
        self._random = random.Random(plan.seed)
        self._app = perdure.App("crash", backend=environment(folder)["CRASH_BACKEND"])
        self._started: dict[str, tuple[str, str]] = {}
        self._events: dict[str, int] = {}
        self._workers: list[Worker] = []
        self._killed: list[int] = []

    def run(self) -> Report:
        """Carry the plan out to its end and return what came of it."""
        begun = time.monotonic()
        with self._app.client() as client:
            try:
                self._kill_by_plan(client)
                self._finish(client)
            finally:
                for worker in self._workers:
                    worker.kill()
        self._count()
        self.report.seconds = time.monotonic() - begun
        return self.report

    def _kill_by_plan(self, client: perdure.SyncClient) -> None:
        for _ in range(self.plan.workers):
            self._spawn()
        while self.report.kills < self.plan.kills:
            self._start_some(client)
            self._send_some(client)
            victim = self._pick_victim()
            self._workers.remove(victim)
            self._let_die(victim)
            self._spawn()

    def _spawn(self, *, at_random: bool = True) -> None:
        place = self._random.choice(_PLACES) if at_random else "none"
        count = self._random.randint(1, 12)
        self._workers.append(
            Worker(self._folder, place=place, count=count, clock_back=self._clock_back(at_random))
        )

    def _clock_back(self, at_random: bool) -> float:
        return self.plan.clock_back_seconds * self._random.randint(0, 1) if at_random else 0.0

    def _pick_victim(self) -> Worker:
        """Return a worker that is at work, or that has died of it; wait until there is one."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            busy = evidence.examine(self._record()).in_flight_of
            at_work = [w for w in self._workers if busy.get(w.pid) or w.process.poll() is not None]
            if at_work:
                return self._random.choice(at_work)
            time.sleep(0.01)
        return self._random.choice(self._workers)

    def _let_die(self, worker: Worker) -> None:
        """Wait for the kill point of ``worker``, or for a moment, and kill it."""
        if worker.place == "signal":
            time.sleep(self._random.uniform(0.0, 0.15))
        else:
            self._wait_for_suicide(worker)
        at_its_point = worker.process.poll() == -signal.SIGKILL
        worker.kill()
        self.report.kills += 1
        self.report.places[worker.place if at_its_point else "signal"] += 1
        self._killed.append(worker.pid)

    def _wait_for_suicide(self, worker: Worker) -> None:
        try:
            worker.process.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return

    def _start_some(self, client: perdure.SyncClient) -> None:
        for _ in range(self.plan.instances_a_round * self.plan.workers):
            workflow = self._random.choice(sorted(shapes.EXPECTED))
            instance_id = f"i{len(self._started)}-{workflow}"
            client.start(
                workflow,
                arguments=shapes.start_arguments(workflow, instance_id),
                instance_id=instance_id,
            )
            self._started[instance_id] = (workflow, instance_id)
            if workflow == "listener":
                self._events[instance_id] = 0

    def _send_some(self, client: perdure.SyncClient, *, all_of_them: bool = False) -> None:
        for instance_id, sent in self._events.items():
            until = (
                shapes.EVENTS
                if all_of_them
                else min(shapes.EVENTS, sent + self._random.randint(0, 3))
            )
            for number in range(sent, until):
                client.get(None, instance_id).raise_event("number", number)
            self._events[instance_id] = until

    def _finish(self, client: perdure.SyncClient) -> None:
        self._send_some(client, all_of_them=True)
        for worker in self._workers:
            worker.kill()
        self._workers.clear()
        self._spawn(at_random=False)
        for instance_id, (workflow, name) in self._started.items():
            try:
                result = client.get(None, instance_id).result(timeout=_PATIENCE)
            except TimeoutError:
                self.report.lost.append(instance_id)
                continue
            if not _is_right(workflow, name, result):
                self.report.wrong[instance_id] = result
        self._workers.pop().end()

    def _record(self) -> list[evidence.Line]:
        return evidence.read(self._folder / "record.jsonl")

    def _count(self) -> None:
        report = self.report
        report.instances = len(self._started)
        report.findings = evidence.examine(self._record())
        report.kills_in_flight = sum(
            report.findings.in_flight_of.get(pid, 0) > 0 for pid in self._killed
        )
        report.kills_before_commit = sum(
            report.findings.undone_of.get(pid, 0) > 0 for pid in self._killed
        )


def _is_right(workflow: str, name: str, result: object) -> bool:
    expected = shapes.EXPECTED[workflow](name)
    if workflow != "careful":
        return result == expected
    # A kill in the middle of an at-most-once activity leaves its outcome unknown, and says so.
    return isinstance(result, list) and [label.rstrip("?") for label in result] == expected
