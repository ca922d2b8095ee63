"""A campaign at a desk: talks go on while the processes that serve them are killed."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from typing import TYPE_CHECKING, Any, Final

import perdure
from tests.campaign.judge import Judge
from tests.campaign.outcome import Outcome
from tests.campaign.watch import Watch
from tests.crash import evidence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from perdure.approvals import ApprovalRequest
    from perdure.testing.target import WorkerProcess
    from tests.campaign.desk import Desk
    from tests.campaign.outcome import Plan
    from tests.campaign.servers import Servers

_WORKER: Final = "worker"
_WORKERS_KILLED: Final = 8
_MOST_WAIT_SECONDS: Final = 0.7
_MOST_DOWN_SECONDS: Final = 1.0
_RECOVERY_SECONDS: Final = 20.0
_PATIENCE_SECONDS: Final = 60.0
_ASK_AGAIN_SECONDS: Final = 0.2
_LEAST_REQUESTS: Final = 2
_IN_DOUBT_SECONDS: Final = 1.0


class Kills:
    """Carries a plan out at a desk; a framework's own says what is asked, and what is right.

    Attributes:
        others: What is killed beside workers and servers, and how often beside those.
        aimed: Which part of the kills waits for work to begin, and hits a worker that works; the
            others may come between activities, or while people are waited for.
        step_seconds: How long an activity takes.
        careful: What may run at most once; a label is the text of the request, this, and more.
        changes_keys: Whether what a process had just ended when it died may run under another key.
    """

    others: Mapping[str, int] = {}
    aimed = 0.0
    step_seconds = 0.0
    careful: Collection[str] = ()
    changes_keys = False

    def __init__(self, plan: Plan, desk: Desk, servers: Servers) -> None:
        self.outcome = Outcome()
        self._plan = plan
        self._desk = desk
        self._servers = servers
        self._chance = random.Random(plan.seed)
        self._watch = Watch(desk.record)
        self._workers: dict[str, WorkerProcess] = {}
        self._deaths: dict[int, float] = {}
        self._approved: set[str] = set()
        self._is_over = asyncio.Event()

    # -- what a framework's own says --------------------------------------------------------------

    async def ask(self, talk: str, text: str) -> Any:
        """Return the answer to a request, of which ``text`` is also the id."""
        raise NotImplementedError

    def is_right(self, text: str, answer: Any) -> bool:
        """Return whether that is the answer to this request."""
        raise NotImplementedError

    def is_expected(self, asked: ApprovalRequest) -> bool:
        """Return whether people can be asked that."""
        raise NotImplementedError

    async def kill(self, other: str) -> None:
        """Kill one of ``others``."""
        await asyncio.to_thread(self._servers.kill, other)

    async def start(self, other: str) -> None:
        """Start it again."""
        await asyncio.to_thread(self._servers.start, other)

    # -- what goes on -----------------------------------------------------------------------------

    async def run(self) -> Outcome:
        """Carry the plan out to its end."""
        for number in range(self._plan.workers):
            await self._start_worker(f"{_WORKER}-{number}")
        names = [f"{self._plan.seed}-{number}" for number in range(self._plan.talks)]
        talks = {name: asyncio.create_task(self._talk(name)) for name in names}
        approving = asyncio.create_task(self._approve())
        try:
            for _ in range(self._plan.kills):
                await self._kill_one()
            self._is_over.set()
            _, pending = await asyncio.wait(talks.values(), timeout=_PATIENCE_SECONDS)
            self.outcome.lost = [name for name, it in talks.items() if it in pending]
            await self._ask_again()
        finally:
            for task in (approving, *talks.values()):
                task.cancel()
            await asyncio.gather(approving, *talks.values(), return_exceptions=True)
        for task in (approving, *talks.values()):
            if not task.cancelled():
                task.result()
        self._examine()
        return self.outcome

    async def _talk(self, talk: str) -> None:
        number = 0
        while number < _LEAST_REQUESTS or not self._is_over.is_set():
            text = f"work-{talk}-{number}"
            answer = await self._ask_until_answered(talk, text)
            self.outcome.answers[text] = answer
            if not self.is_right(text, answer):
                self.outcome.wrong[text] = answer
            number += 1

    async def _ask_until_answered(self, talk: str, text: str) -> Any:
        while True:
            try:
                return await self.ask(talk, text)
            except perdure.BackendUnavailableError:
                self.outcome.asks_failed += 1
                await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _approve(self) -> None:
        """Approve whatever waits."""
        approvals = self._desk.client.approvals
        while True:
            with contextlib.suppress(perdure.BackendUnavailableError, TimeoutError):
                async for asked in approvals.list(state="waiting"):
                    assert self.is_expected(asked), asked
                    # Before it is answered: a server may take the answer and die over its reply.
                    self._approved.add(asked.id)
                    with contextlib.suppress(perdure.InstanceFinishedError):
                        await approvals.approve(asked.id, by="ann")
            await asyncio.sleep(_ASK_AGAIN_SECONDS)

    async def _ask_again(self) -> None:
        """Ask all once more: nothing may run for it."""
        before = self._watch.begun()
        for text, answer in self.outcome.answers.items():
            talk = text.removeprefix("work-").rpartition("-")[0]
            if await self._ask_until_answered(talk, text) != answer:
                self.outcome.not_the_same.append(text)
        if not self.outcome.lost and self._watch.begun() != before:
            self.outcome.not_the_same.append("something ran again")

    # -- what dies --------------------------------------------------------------------------------

    async def _kill_one(self) -> None:
        await self._until_work_begins()
        await asyncio.sleep(self._chance.uniform(0, _MOST_WAIT_SECONDS))
        is_aimed = self._chance.random() < self.aimed
        if is_aimed:
            await self._until_work_begins()
            await asyncio.sleep(self._chance.uniform(0, self.step_seconds))
        weights = {_WORKER: _WORKERS_KILLED, **self.others, **self._servers.targets}
        victim = self._chance.choices(list(weights), weights=list(weights.values()))[0]
        self.outcome.kills[victim] += 1
        down_seconds = self._chance.uniform(0, _MOST_DOWN_SECONDS)
        if victim == _WORKER:
            busy = [name for name, it in self._workers.items() if self._is_busy(it)]
            name = self._chance.choice(sorted((is_aimed and busy) or self._workers))
            self._kill_worker(name)
            await asyncio.sleep(down_seconds)
            await self._start_worker(name)
            return
        self.outcome.in_flight += any(map(self._is_busy, self._workers.values()))
        await self.kill(victim)
        await asyncio.sleep(down_seconds)
        await self.start(victim)

    async def _until_work_begins(self) -> None:
        begun, since = self._watch.begun(), time.monotonic()
        while self._watch.begun() == begun and time.monotonic() - since < _RECOVERY_SECONDS:
            await asyncio.sleep(0.05)

    def _is_busy(self, worker: WorkerProcess) -> bool:
        return self._watch.running([worker.pid]) > 0

    def _kill_worker(self, name: str) -> None:
        worker = self._workers.pop(name)
        self.outcome.in_flight += self._is_busy(worker)
        self._deaths[worker.pid] = time.monotonic()
        worker.kill()

    async def _start_worker(self, name: str) -> None:
        self._workers[name] = await asyncio.to_thread(self._desk.start_worker)

    # -- what came of it --------------------------------------------------------------------------

    def _examine(self) -> None:
        lines = evidence.read(self._desk.record)
        careful = [f"{text}/{name}" for text in self.outcome.answers for name in self.careful]
        self.outcome.approved = len(self._approved)
        self.outcome.verdict = Judge(deaths=self._deaths, careful=careful).examine(lines)
        excused = self._deaths if self.changes_keys else {}
        self.outcome.run_anew, self.outcome.lost_with_worker = run_anew(lines, excused=excused)


def run_anew(
    lines: Sequence[evidence.Line], *, excused: Mapping[int, float]
) -> tuple[list[str], list[str]]:
    """Return what ran again as another operation, so that the judge misses it.

    Args:
        lines: The record.
        excused: Deaths, by pid, of which each takes with it what its process had just ended.

    Returns:
        What had ended for good, and what was cut short or taken by such a death.
    """
    ended: dict[str, evidence.Line] = {}
    begun: dict[str, evidence.Line] = {}
    for_good: list[str] = []
    lost: list[str] = []
    for line in lines:
        if line.phase != "begin":
            begun.pop(line.label, None)
            if line.phase == "end":
                ended[line.label] = line
            continue
        before, cut = ended.get(line.label), begun.get(line.label)
        begun[line.label] = line
        if before is not None and before.operation != line.operation:
            is_lost = _is_dead(before, line, excused)
            is_lost = is_lost and excused[before.pid] - before.at <= _IN_DOUBT_SECONDS
            (lost if is_lost else for_good).append(line.label)
        elif cut is not None and cut.operation != line.operation and _is_dead(cut, line, excused):
            lost.append(line.label)
    return for_good, lost


def _is_dead(before: evidence.Line, now: evidence.Line, deaths: Mapping[int, float]) -> bool:
    return deaths.get(before.pid, math.inf) <= now.at
