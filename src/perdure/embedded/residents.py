"""The instances loaded in this process: taking them in, and letting the idle ones go."""

from __future__ import annotations

import heapq
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from perdure._runner.runner import Runner, is_on_hold
from perdure.embedded import claims
from perdure.embedded.live import LiveInstance
from perdure.embedded.rows import read_started
from perdure.embedded.targets import Run
from perdure.spi.history import WorkflowStarted
from perdure.spi.journal import decode_journal
from perdure.spi.program import rebuild_gate_of
from perdure.spi.replies import outcomes_unknown

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from perdure.clock import Clock
    from perdure.embedded.store import Store
    from perdure.embedded.transaction import Claim, Transaction
    from perdure.embedded.watchdog import Watchdog
    from perdure.spi.history import HistoryEvent
    from perdure.spi.program import Executor, Program, RebuildGate

_WATCHED_ENTRIES = 20_000
_STARTED = "SELECT command_id FROM started WHERE instance_pk = ? AND run_number = ?"


class Residents:
    """All loaded instances, by pk."""

    def __init__(self, store: Store, *, clock: Clock, watchdog: Watchdog, capacity: int) -> None:
        self._store = store
        self._watchdog = watchdog
        self._clock = clock
        self._capacity = capacity
        self.lives: dict[int, LiveInstance] = {}
        self.loading: deque[Claim] = deque()
        self.fetching: dict[int, asyncio.Task[None]] = {}
        self.program: Program | None = None
        self.on_drop: Callable[[LiveInstance], None] = _ignore

    @property
    def room(self) -> int:
        """How many more may be loaded."""
        return self._capacity - len(self.lives) - len(self.loading) - len(self.fetching)

    def has_idle(self) -> bool:
        """Return whether any could be given back now."""
        return any(live.is_idle for live in self.lives.values())

    def load(self, claim: Claim) -> LiveInstance | Coroutine[Any, Any, LiveInstance]:
        """Load an instance that is ours, without its mail yet.

        A coroutine is returned where payloads must be fetched first. What raises, raises there:

        Raises:
            ForbiddenInWorkflowError: Our code never yields.
            NonDeterminismError: Our code does not fit its journal.
            PayloadError: Its journal cannot be read.
            PayloadStoreError: The payload store cannot be reached.
            WorkflowNotRegisteredError: We do not know its workflow.
        """
        if claim.fresh is not None:
            return self._begin(claim, claim.fresh)
        texts = self._store.journal_texts(claim.pk, run_number=claim.run_number)
        if texts:
            return self._reload(claim, texts)
        now_us = self._clock.now_us()
        started = self._store.read(lambda file: read_started(file, pk=claim.pk, now_us=now_us))
        return self._begin(claim, started)

    def add(self, live: LiveInstance) -> None:
        """Count ``live`` as loaded."""
        self.lives[live.run.pk] = live

    def drop(self, live: LiveInstance, *, has_ended: bool) -> None:
        """Unload ``live``. May be called twice."""
        live.is_gone = True
        live.has_ended = live.has_ended or has_ended
        if self.lives.get(live.run.pk) is live:
            del self.lives[live.run.pk]
        self.on_drop(live)
        live.runner.close()

    def give_back_idle(self, tx: Transaction, *, most: int | None = None) -> list[LiveInstance]:
        """Give back instances that wait for something, the longest unused first; return them.

        They are to be dropped once this is committed.
        """
        idle = [live for live in self.lives.values() if live.is_idle]
        if most is not None and most < len(idle):
            idle = heapq.nsmallest(most, idle, key=lambda live: live.used)
        for live in idle:
            # What is open and does not run (we drain) must be started by whoever takes it.
            is_ready = bool(live.runner.executor.open_activities())
            wake_at_us = 0 if is_ready else live.runner.next_deadline_us()
            claims.give_back(tx, live.run.pk, wake_at_us=wake_at_us)
        if idle:
            claims.heed_terminations(tx)
        return idle

    def _begin(self, claim: Claim, started: WorkflowStarted) -> LiveInstance:
        assert self.program is not None
        runner = Runner(self.program.executor(claim.workflow))
        runner.post(started)
        return LiveInstance(_run_of(claim, started), started=started, runner=runner)

    def _reload(
        self, claim: Claim, texts: list[str]
    ) -> LiveInstance | Coroutine[Any, Any, LiveInstance]:
        assert self.program is not None
        journal = [event for text in texts for event in decode_journal(text)]
        gate = rebuild_gate_of(self.program)
        if gate is not None and gate.must_fetch(journal):
            return _fetched(claim, journal, gate=gate, seq=len(texts))
        rebuild = partial(self.program.rebuild, claim.workflow, journal)
        # Code that has changed may never yield. A very long journal may take its time.
        is_watched = len(journal) <= _WATCHED_ENTRIES
        executor = (
            self._watchdog.run(rebuild, instance_id=claim.instance_id) if is_watched else rebuild()
        )
        return _rebuilt(claim, journal, executor, seq=len(texts))

    def post_unknown_outcomes(self, live: LiveInstance) -> None:
        """Let the at-most-once activities fail that were started by a worker that has ended.

        To be called after the mail is posted: a result that waits there comes first, and this
        one is dropped as late.
        """
        once = [a for a in live.runner.executor.open_activities() if a.delivery == "at_most_once"]
        if not once:
            return
        run = (live.run.pk, live.run.run_number)
        rows = self._store.read(lambda file: file.execute(_STARTED, run).fetchall())
        started = {command_id for (command_id,) in rows}
        begun = [activity for activity in once if activity.id in started]
        for event in outcomes_unknown(begun, at_us=self._clock.now_us()):
            live.runner.post(event)


async def _fetched(
    claim: Claim, journal: list[HistoryEvent], *, gate: RebuildGate, seq: int
) -> LiveInstance:
    executor = await gate.rebuild(claim.workflow, journal)
    return _rebuilt(claim, journal, executor, seq=seq)


def _rebuilt(
    claim: Claim, journal: list[HistoryEvent], executor: Executor, *, seq: int
) -> LiveInstance:
    started = journal[0]
    if not isinstance(started, WorkflowStarted):
        raise TypeError(f"a journal begins with {type(started).__name__}")
    runner = Runner(executor, is_on_hold=is_on_hold(journal))
    live = LiveInstance(_run_of(claim, started), started=started, runner=runner, seq=seq)
    live.must_resume = True
    return live


def _ignore(_: LiveInstance) -> None:
    return None


def _run_of(claim: Claim, started: WorkflowStarted) -> Run:
    return Run(
        pk=claim.pk,
        instance_id=claim.instance_id,
        run_id=claim.run_id,
        run_number=claim.run_number,
        parent=started.parent,
    )
