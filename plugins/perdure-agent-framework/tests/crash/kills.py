"""A campaign: conversations go on while the processes that serve them are killed."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import perdure
from crash.helpdesk import AT_MOST_ONCE, expected
from crash.servers import MODEL, WORKER
from perdure.approvals import ApprovalState
from tests.campaign.judge import Judge, Verdict
from tests.campaign.watch import Watch
from tests.crash import evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crash.desk import Desk
    from crash.servers import Servers
    from perdure.testing.target import WorkerProcess

_MOST_WAIT_SECONDS = 0.7
_MOST_DOWN_SECONDS = 1.0
_RECOVERY_SECONDS = 20.0
_PATIENCE_SECONDS = 60.0
_ASK_AGAIN_SECONDS = 0.2
_LEAST_TURNS = 2
_IN_DOUBT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much to do; the same seed kills in the same order.

    Attributes:
        kills: How many processes are killed.
        workers: How many live when all do.
        conversations: How many go on at once.
    """

    seed: int
    kills: int
    workers: int = 2
    conversations: int = 5


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of it.

    Attributes:
        kills: Of what, how often.
        in_flight: How many kills hit calls that ran.
        replies: By what was said, the id of its response.
        wrong: By what was said, the answer if it is not the right one.
        not_the_same: What was answered otherwise when it was asked again.
        lost: The conversations without an end.
        asks_failed: How many requests had to be made again, as the client was told of an outage.
        approved: How many refunds were approved.
        verdict: What ran again, of tools and of model calls.
        run_anew: What had an end and ran again under another key, so that the judge misses it.
        requests: How many requests came to the model.
        answered_again: How many of them had been answered before.
    """

    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    replies: dict[str, str | None] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    not_the_same: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    asks_failed: int = 0
    approved: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    run_anew: list[str] = field(default_factory=list)
    requests: int = 0
    answered_again: int = 0

    def line(self) -> str:
        """Return it in a line."""
        verdict = self.verdict
        killed = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"{self.kills.total()} kills ({killed}; {self.in_flight} with calls in flight), "
            f"{len(self.replies)} turns, {verdict.operations} model and tool calls, "
            f"{self.approved} approvals: {len(self.lost)} lost, {len(self.wrong)} wrong, "
            f"{len(self.not_the_same)} not the same again, {verdict.faults} made again after they "
            f"were recorded, {len(self.run_anew)} run anew; made again rightly: "
            f"{len(verdict.cut_short)} cut short, {len(verdict.in_doubt)} in doubt; "
            f"{self.requests} requests to the model, {self.answered_again} answered before; "
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

    async def run(self) -> Report:
        """Carry it out to its end."""
        for number in range(self._plan.workers):
            await self._start_worker(f"{WORKER}-{number}")
        talks = {
            name: asyncio.create_task(self._converse(name))
            for name in (f"{self._plan.seed}-{it}" for it in range(self._plan.conversations))
        }
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
        self._examine()
        return self.report

    # -- what goes on -----------------------------------------------------------------------------

    async def _converse(self, name: str) -> None:
        turn = 0
        while turn < _LEAST_TURNS or not self._is_over.is_set():
            text = f"work-{name}-{turn}"
            said, response_id = await self._ask(name, text)
            self.report.replies[text] = response_id
            if said != expected(text):
                self.report.wrong[text] = said
            turn += 1

    async def _ask(self, session: str, text: str) -> tuple[str, str | None]:
        """Ask until it is answered; what is said is also the id of the message."""
        while True:
            try:
                reply = await self._desk.runner.run(text, session_id=session, message_id=text)
            except perdure.BackendUnavailableError:
                self.report.asks_failed += 1
                await asyncio.sleep(_ASK_AGAIN_SECONDS)
            else:
                return reply.text, reply.response_id

    async def _approve(self) -> None:
        """Approve whatever waits."""
        approvals = self._desk.client.approvals
        while True:
            with contextlib.suppress(perdure.BackendUnavailableError, TimeoutError):
                async for asked in approvals.list(state=ApprovalState.WAITING):
                    assert asked.tool == "refund"
                    with contextlib.suppress(perdure.InstanceFinishedError):
                        await approvals.approve(asked.id, by="ann")
                    self.report.approved += 1
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _ask_again(self) -> None:
        """Ask all once more: nothing may be called for it."""
        before = self._watch.begun()
        for text, response_id in self.report.replies.items():
            session = text.removeprefix("work-").rpartition("-")[0]
            if await self._ask(session, text) != (expected(text), response_id):
                self.report.not_the_same.append(text)
        if not self.report.lost and self._watch.begun() != before:
            self.report.not_the_same.append("something was called again")

    # -- what dies --------------------------------------------------------------------------------

    async def _kill_one(self) -> None:
        await self._until_work_goes_on()
        await asyncio.sleep(self._chance.uniform(0, _MOST_WAIT_SECONDS))
        targets = self._servers.targets
        victim = self._chance.choices(list(targets), weights=list(targets.values()))[0]
        self.report.kills[victim] += 1
        down_seconds = self._chance.uniform(0, _MOST_DOWN_SECONDS)
        if victim == WORKER:
            name = self._chance.choice(sorted(self._workers))
            self._kill_worker(name)
            await asyncio.sleep(down_seconds)
            await self._start_worker(name)
            return
        self.report.in_flight += self._watch.running(it.pid for it in self._workers.values()) > 0
        if victim == MODEL:
            self._desk.model.kill()
            await asyncio.sleep(down_seconds)
            await self._desk.model.restart()
            return
        await asyncio.to_thread(self._servers.kill, victim)
        await asyncio.sleep(down_seconds)
        await asyncio.to_thread(self._servers.start, victim)

    async def _until_work_goes_on(self) -> None:
        begun, since = self._watch.begun(), time.monotonic()
        while self._watch.begun() == begun and time.monotonic() - since < _RECOVERY_SECONDS:
            await asyncio.sleep(0.05)

    def _kill_worker(self, name: str) -> None:
        worker = self._workers.pop(name)
        self.report.in_flight += self._watch.running([worker.pid]) > 0
        self._deaths[worker.pid] = time.monotonic()
        worker.kill()

    async def _start_worker(self, name: str) -> None:
        self._workers[name] = await asyncio.to_thread(self._desk.start_worker)

    # -- what came of it --------------------------------------------------------------------------

    def _examine(self) -> None:
        lines = evidence.read(Path(self._desk.record))
        careful = [f"{text}/{AT_MOST_ONCE}" for text in self.report.replies]
        self.report.verdict = Judge(deaths=self._deaths, careful=careful).examine(lines)
        self.report.run_anew = _run_anew(lines, self._deaths)
        requests = self._desk.model.requests()
        self.report.requests = len(requests)
        answered: Counter[str] = Counter()
        for request in requests:
            self.report.answered_again += answered[request.digest] > 0
            answered[request.digest] += request.sent


def _run_anew(lines: list[evidence.Line], deaths: Mapping[int, float]) -> list[str]:
    """Return the calls that had ended for good and ran again under another key.

    A model call whose answer died with its worker may: the next worker has not what it refers to,
    and is sent everything, as another activity.
    """
    ended: dict[str, evidence.Line] = {}
    found = []
    for line in lines:
        if line.phase == "end":
            ended[line.label] = line
            continue
        before = ended.get(line.label)
        if before is None or before.operation == line.operation:
            continue
        death = deaths.get(before.pid, math.inf)
        if death > line.at or death - before.at > _IN_DOUBT_SECONDS:
            found.append(line.label)
    return found
