"""A campaign: threads go on while the processes that serve them are killed."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graph_kills.claims import SECONDS, expected
from graph_kills.servers import WORKER

import perdure
from tests.campaign.judge import Judge, Verdict
from tests.campaign.watch import Watch
from tests.crash import evidence

if TYPE_CHECKING:
    from graph_kills.desk import Desk
    from graph_kills.servers import Servers

    from perdure.testing.target import WorkerProcess

_MOST_WAIT_SECONDS = 0.7
_MOST_DOWN_SECONDS = 1.0
_RECOVERY_SECONDS = 20.0
_PATIENCE_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 0.2
_LEAST_RUNS = 2
_AIMED = 0.6  # of the kills; the others may come between nodes, or while people are waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to do; the same seed kills in the same order.

    Attributes:
        kills: How many processes are killed.
        workers: How many live when all do.
        threads: How many threads go on at once.
    """

    seed: int
    kills: int
    workers: int = 2
    threads: int = 5


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it.

    Attributes:
        kills: Of what, how often.
        in_flight: How many kills hit nodes that ran.
        answered: The claims that were answered.
        wrong: By claim, the answer if it is not the right one.
        not_the_same: What was answered otherwise when it was asked again.
        lost: The threads without an end.
        asks_failed: How many requests had to be made again, as the client was told of an outage.
        approved: How many questions were approved.
        verdict: What ran again.
        run_anew: What had an end and ran again as something else, so that the judge misses it.
    """

    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    answered: list[str] = field(default_factory=list)
    wrong: dict[str, str] = field(default_factory=dict)
    not_the_same: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    asks_failed: int = 0
    approved: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    run_anew: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return it in a line."""
        verdict = self.verdict
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({killed}; {self.in_flight} with nodes in flight), "
            f"{len(self.answered)} runs, {verdict.operations} node executions, "
            f"{self.approved} approvals: {len(self.lost)} lost, {len(self.wrong)} wrong, "
            f"{len(self.not_the_same)} not the same again, {verdict.faults} run again after they "
            f"were recorded, {len(self.run_anew)} run anew; run again rightly: "
            f"{len(verdict.cut_short)} cut short, {len(verdict.in_doubt)} in doubt; "
            f"{self.asks_failed} asks failed"
        )


class Campaign:
    """Carries a plan out at a desk."""

    def __init__(self, plan: Plan, desk: Desk, servers: Servers) -> None:
        self.report = Report()
        self._plan = plan
        self._desk = desk
        self._servers = servers
        self._chance = random.Random(plan.seed)
        self._watch = Watch(desk.record)
        self._workers: dict[str, WorkerProcess] = {}
        self._deaths: dict[int, float] = {}
        self._is_over = asyncio.Event()
        self._approved: set[str] = set()

    async def run(self) -> Report:
        """Carry it out to its end."""
        for number in range(self._plan.workers):
            await self._start_worker(f"{WORKER}-{number}")
        names = [f"{self._plan.seed}-{number}" for number in range(self._plan.threads)]
        talks = {name: asyncio.create_task(self._converse(name)) for name in names}
        approving = asyncio.create_task(self._approve())
        try:
            for _ in range(self._plan.kills):
                await self._kill_one()
            self._is_over.set()
            _, pending = await asyncio.wait(talks.values(), timeout=_PATIENCE_SECONDS)
            self.report.lost = [name for name, it in talks.items() if it in pending]
            await self._ask_again()
        finally:
            for task in (approving, *talks.values()):
                task.cancel()
            await asyncio.gather(approving, *talks.values(), return_exceptions=True)
        for talk in talks.values():
            if not talk.cancelled():
                talk.result()
        self.report.approved = len(self._approved)
        lines = evidence.read(self._desk.record)
        self.report.verdict = Judge(deaths=self._deaths, careful=()).examine(lines)
        self.report.run_anew = _run_anew(lines)
        return self.report

    # -- what goes on -----------------------------------------------------------------------------

    async def _converse(self, thread: str) -> None:
        turn = 0
        while turn < _LEAST_RUNS or not self._is_over.is_set():
            call = f"claim-{thread}-{turn}"
            answer = await self._ask(thread, call)
            self.report.answered.append(call)
            if answer != expected(call):
                self.report.wrong[call] = answer
            turn += 1

    async def _ask(self, thread: str, call: str) -> str:
        """Ask until it is answered; the claim is also the id of the request."""
        runner = self._desk.runner
        while True:
            try:
                found = await runner.ainvoke({"call": call}, thread_id=thread, request_id=call)
            except perdure.BackendUnavailableError:
                self.report.asks_failed += 1
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            else:
                return str(found.get("answer"))

    async def _approve(self) -> None:
        """Approve whatever waits."""
        approvals = self._desk.client.approvals
        while True:
            with contextlib.suppress(perdure.BackendUnavailableError, TimeoutError):
                async for asked in approvals.list(state="waiting"):
                    assert asked.path == ("ask",)
                    with contextlib.suppress(perdure.InstanceFinishedError):
                        await approvals.approve(asked.id, by="ann")
                    self._approved.add(asked.id)
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _ask_again(self) -> None:
        """Ask all once more: nothing may run for it."""
        before = self._watch.begun()
        for call in self.report.answered:
            thread = call.removeprefix("claim-").rpartition("-")[0]
            if await self._ask(thread, call) != expected(call):
                self.report.not_the_same.append(call)
        if not self.report.lost and self._watch.begun() != before:
            self.report.not_the_same.append("something ran again")

    # -- what dies --------------------------------------------------------------------------------

    async def _kill_one(self) -> None:
        await self._until_work_goes_on()
        await asyncio.sleep(self._chance.uniform(0, _MOST_WAIT_SECONDS))
        if self._chance.random() < _AIMED:
            await self._until_work_goes_on()
            await asyncio.sleep(self._chance.uniform(0, SECONDS))
        weights = self._servers.targets
        victim = self._chance.choices(list(weights), weights=list(weights.values()))[0]
        self.report.kills[victim] += 1
        down_seconds = self._chance.uniform(0, _MOST_DOWN_SECONDS)
        if victim == WORKER:
            name = self._chance.choice(self._busy() or sorted(self._workers))
            self._kill_worker(name)
            await asyncio.sleep(down_seconds)
            await self._start_worker(name)
            return
        self.report.in_flight += self._watch.running(it.pid for it in self._workers.values()) > 0
        await asyncio.to_thread(self._servers.kill, victim)
        await asyncio.sleep(down_seconds)
        await asyncio.to_thread(self._servers.start, victim)

    async def _until_work_goes_on(self) -> None:
        begun, since = self._watch.begun(), time.monotonic()
        while self._watch.begun() == begun and time.monotonic() - since < _RECOVERY_SECONDS:
            await asyncio.sleep(0.05)

    def _busy(self) -> list[str]:
        """Return the workers in which nodes run."""
        return [name for name, it in sorted(self._workers.items()) if self._watch.running([it.pid])]

    def _kill_worker(self, name: str) -> None:
        worker = self._workers.pop(name)
        self.report.in_flight += self._watch.running([worker.pid]) > 0
        self._deaths[worker.pid] = time.monotonic()
        worker.kill()

    async def _start_worker(self, name: str) -> None:
        self._workers[name] = await asyncio.to_thread(self._desk.start_worker)


def _run_anew(lines: list[evidence.Line]) -> list[str]:
    ended: dict[str, tuple[str, int]] = {}
    found = []
    for line in lines:
        if line.phase == "end":
            ended[line.label] = line.operation
        elif line.phase == "begin" and ended.get(line.label, line.operation) != line.operation:
            found.append(line.label)
    return found
