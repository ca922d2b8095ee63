"""The engine: what follows from what. Steps lead to commits, commits to activities, outcomes to steps."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import uuid
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure._runner.runner import Runner
from perdure.embedded import claims, inbox
from perdure.embedded.activities import ActivityRuns
from perdure.embedded.checkpoint import Checkpointer
from perdure.embedded.commits import Commits
from perdure.embedded.intake import Intake
from perdure.embedded.live import LiveInstance
from perdure.embedded.members import Members
from perdure.embedded.residents import Residents, post
from perdure.embedded.steps import Steps
from perdure.embedded.targets import find
from perdure.embedded.timers import Timers
from perdure.embedded.transaction import NOBODY
from perdure.embedded.waiters import Waiters
from perdure.embedded.watchdog import Watchdog
from perdure.errors import NonDeterminismError, PerdureError
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    ContinuedAsNew,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.clock import Clock
    from perdure.embedded.advance import Advance
    from perdure.embedded.location import Location
    from perdure.embedded.members import Peer
    from perdure.embedded.store import Store
    from perdure.embedded.targets import Run
    from perdure.embedded.transaction import Claim, Effects, Transaction
    from perdure.spi.program import Program

_logger = logging.getLogger(__name__)

_CALM_ROUNDS = 3
_POLL_SECONDS = 0.0005
_TICK_SECONDS = 1.0
_LEAVING_SECONDS = 5.0
_LOADING_SECONDS = 0.01
"""How long the loop is kept from other work by loading instances, more or less."""


class Engine:
    """One connection to one file, on one event loop, with or without a program to run."""

    def __init__(self, location: Location, store: Store, *, clock: Clock) -> None:
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self.store = store
        self.commits = Commits(self)
        self.waiters = Waiters()
        self.members = Members(location.locks_folder, on_poke=self._poked)
        self.residents = Residents(store, clock=clock, capacity=location.max_cached)
        self.activities = ActivityRuns(self, clock=clock)
        self.timers = Timers(clock, on_due=self._due)
        self.intake = Intake(store, commits=self.commits, residents=self.residents, clock=clock)
        self._watchdog = Watchdog(loop=self._loop)
        self.steps = Steps(self, clock=clock, watchdog=self._watchdog, new_run_id=new_run_id)
        self._checkpointer = Checkpointer(location.path)
        self._program: Program | None = None
        self._worker: object = None
        self._ticking: asyncio.TimerHandle
        self._has_mail = False
        self._mail_seen = 0

    # -- a process and its worker come and go ---------------------------------------------------------

    async def open(self) -> None:
        """Register this process, and take over what the dead have left.

        Raises:
            StorageError: The file cannot be written.
        """
        await self.commits.perform(lambda tx: self.members.bury(tx, ()))
        self.store.has_foreign_changes()
        self.members.refresh(self.store.connection)
        self._bury(self.members.dead())
        self.members.greet()
        self._tick()

    async def close(self) -> None:
        """Leave the file; what is still loaded is freed."""
        self._ticking.cancel()
        self.take_no_more()
        self.forget()
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self.commits.perform(self.members.leave)
        except (TimeoutError, PerdureError) as error:
            _logger.warning("left without saying so, others will find out: %s", error)
        self.members.greet()
        self.commits.close()
        self.waiters.close()
        self.timers.close()
        self.members.close()
        self._watchdog.stop()
        self._checkpointer.stop()
        self.store.close()

    def reserve(self, worker: object) -> None:
        """Let ``worker`` be the one that runs here.

        Raises:
            RuntimeError: Another one does.
        """
        if self._worker not in {None, worker}:
            raise RuntimeError(
                "this backend has a worker already; open another backend for a second one"
            )
        self._worker = worker

    def attach(self, program: Program) -> None:
        """Run ``program`` from now on."""
        self._program = self.residents.program = self.activities.program = program
        self.steps.starts_activities = True
        self.intake.open(program.workflows)

    def take_no_more(self) -> None:
        """Load and start nothing new."""
        self.intake.close()
        self.steps.starts_activities = False

    def detach(self) -> None:
        """Let go of the program; nothing of it is loaded any more, or will be lost if it is."""
        self.forget()
        self._worker = self._program = None

    async def give_back_idle(self) -> None:
        """Give back all instances that wait for something."""
        for live in await self.commits.perform(self.residents.give_back_idle):
            self.residents.drop(live, has_ended=False)

    async def settle(self, *, ignores_activities: bool = False) -> None:
        """Return once there is nothing left to do at the present instant."""
        calm = 0
        while calm < _CALM_ROUNDS:
            is_settled = (
                self.commits.is_settled
                and self.steps.is_settled
                and self.intake.is_settled
                and not self.residents.loading
                and not self.timers.is_due
                and not self._has_mail
                and (ignores_activities or not self.activities.count)
            )
            calm = calm + 1 if is_settled else 0
            await asyncio.sleep(0 if is_settled else _POLL_SECONDS)

    # -- what the group commit asks for ----------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Return a transaction of this process, which it registers if need be."""
        is_taking = self._program is not None and self.steps.starts_activities
        with self.store.transaction(
            worker_id=self.members.id,
            now_us=self._clock.now_us(),
            workflows=self._program.workflows if is_taking and self._program else NOBODY,
            room=self.residents.room,
        ) as tx:
            if not self.members.id:
                self.members.enlist(tx)
            yield tx
        self.members.enlisted(tx)

    def prepare(self) -> bool:
        """Read the mail and step what is ready."""
        if self._has_mail:
            self._read_mail()
        return self.steps.take()

    def write(self, tx: Transaction) -> None:
        """Write the steps."""
        self.steps.write(tx)

    def committed(self, effects: Effects) -> None:
        """Act on the steps, and on what the transaction has brought about."""
        self.steps.committed()
        if effects.has_mail:
            self._expect_mail()
        if effects.claims:
            self._load_later(effects.claims)
        if effects.ended:
            self.waiters.notify(effects.ended)
        if effects.has_ready or self.intake.is_starved:
            self.intake.look()
        self.members.poke(effects)
        self._checkpointer.note_commit()

    def fenced(self) -> None:
        """Forget what we owned, for it is others' now, and register anew."""
        _logger.error(
            "this process was taken for dead: it gives up %d instances, which others have taken over",
            len(self.residents.lives),
        )
        self.forget()
        self.members.expelled()

    def forget(self) -> None:
        """Unload everything as it is."""
        self.activities.cancel()
        self.steps.forget()
        self.residents.loading.clear()
        for live in list(self.residents.lives.values()):
            self.residents.drop(live, has_ended=True)

    def set_apart(self, error: Exception) -> None:
        """Find the instance whose step cannot be written, and stall it."""
        for live in self.steps.lives():
            try:
                with self.transaction() as tx:
                    self.steps.write_of(tx, live)
                    raise _RehearsalOver
            except _RehearsalOver:
                continue
            except sqlite3.IntegrityError:
                self._lose(live)
            except Exception as fault:
                _logger.exception(
                    "a step cannot be written", extra={"instance_id": live.run.instance_id}
                )
                self.steps.drop(live)
                self.lay_aside(live, f"its step cannot be written: {fault}")
        del error

    # -- acting ----------------------------------------------------------------------------------------

    def act(self, advance: Advance) -> None:
        """Do what a step has asked for, now that it is committed."""
        live = advance.live
        for arrival, token in zip(advance.step.kept_back, advance.kept, strict=True):
            arrival.token = token
        if live.is_gone:
            return
        if advance.outcome is not None:
            self.residents.drop(live, has_ended=True)
            if isinstance(advance.outcome, ContinuedAsNew):
                self._continue(live, advance.outcome, run_id=advance.run_id)
            return
        for activity in advance.activities:
            self.activities.start(live, activity)
        self.timers.watch(live)

    def receive(self, live: LiveInstance, event: ActivityCompleted | ActivityFailed) -> None:
        """Take the outcome of an activity."""
        if not live.is_gone:
            live.runner.post(event)
            self._ready(live)
        elif not live.has_ended:
            self.commits.add(lambda tx: _keep_result(tx, live.run, event))

    def lay_aside(self, live: LiveInstance, reason: str) -> None:
        """Stall an instance that cannot go on with this code."""
        if live.is_gone:
            return
        run = live.run
        _logger.error("stalled: %s", reason, extra={"instance_id": run.instance_id})
        results = [
            arrival.event
            for arrival in live.runner.undelivered()
            if not arrival.token and isinstance(arrival.event, ActivityCompleted | ActivityFailed)
        ]
        self.residents.drop(live, has_ended=False)

        def stall(tx: Transaction) -> None:
            for event in results:
                inbox.keep(tx, run.pk, event, run_id=run.run_id)
            claims.stall(tx, run.pk, instance_id=run.instance_id, reason=reason)
            claims.heed_terminations(tx)

        self.commits.add(stall)

    def _continue(self, ended: LiveInstance, outcome: ContinuedAsNew, *, run_id: str) -> None:
        """Begin the next run of an instance in this process; what came for any run goes on to it."""
        assert self._program is not None
        run = replace(ended.run, run_id=run_id, run_number=ended.run.run_number + 1)
        started = replace(
            ended.started,
            at_us=self._clock.now_us(),
            run_id=run_id,
            seed=run_id,
            arguments=outcome.arguments,
            carried=outcome.carried,
        )
        live = LiveInstance(
            run, started=started, runner=Runner(self._program.executor(started.workflow))
        )
        live.mail_id = ended.mail_id
        live.runner.post(started)
        for arrival in ended.runner.undelivered():
            if not isinstance(arrival.event, _OF_ONE_RUN):
                live.runner.post(arrival.event, token=arrival.token)
        self.residents.add(live)
        self._ready(live)

    def _lose(self, live: LiveInstance) -> None:
        _logger.error(
            "another process has advanced an instance of ours, which we drop",
            extra={"instance_id": live.run.instance_id},
        )
        self.steps.drop(live)
        self.residents.drop(live, has_ended=True)

    # -- what wakes an instance ------------------------------------------------------------------------

    def _ready(self, live: LiveInstance) -> None:
        self.steps.queue(live)
        self.commits.request()

    def _due(self, live: LiveInstance) -> None:
        self._ready(live)

    def _expect_mail(self) -> None:
        self._has_mail = True
        self.commits.request()

    def _read_mail(self) -> None:
        self._has_mail = False
        now_us = self._clock.now_us()
        mails = inbox.new_mail(self.store.connection, after=self._mail_seen, owner=self.members.id)
        for mail in mails:
            self._mail_seen = mail.id
            live = self.residents.lives.get(mail.instance_pk)
            if live is not None and post(live, mail, now_us=now_us):
                self.steps.queue(live)

    # -- loading -----------------------------------------------------------------------------------------

    def _load_later(self, claims: list[Claim]) -> None:
        loading = self.residents.loading
        if not loading:
            self._loop.call_soon(self._load_some)
        loading.extend(claims)

    def _load_some(self) -> None:
        loading = self.residents.loading
        until = self._loop.time() + _LOADING_SECONDS
        while loading:
            self._load(loading.popleft())
            if self._loop.time() > until:
                break
        if loading:
            self._loop.call_soon(self._load_some)
        else:
            self.intake.look()

    def _load(self, claim: Claim) -> None:
        try:
            live = self.residents.load(claim)
        except (NonDeterminismError, PerdureError) as error:
            reason = str(error)
            _logger.error("stalled: %s", reason, extra={"instance_id": claim.instance_id})
            self.commits.add(
                lambda tx: claims.stall(tx, claim.pk, instance_id=claim.instance_id, reason=reason)
            )
            return
        self.residents.add(live)
        self._ready(live)

    # -- other processes ---------------------------------------------------------------------------------

    def _poked(self, is_hello: bool) -> None:
        if is_hello:
            self.members.refresh(self.store.connection)
        self.look_around()

    def look_around(self) -> None:
        """Take notice of what other processes have committed."""
        if self.store.has_foreign_changes():
            self._expect_mail()
            self.waiters.look(self.store.connection)
            self.intake.look()

    def _tick(self) -> None:
        """Look at what nobody may have told us of."""
        self._ticking = self._loop.call_later(_TICK_SECONDS, self._tick)
        self.members.refresh(self.store.connection)
        self.look_around()
        self._bury(self.members.dead())

    def _bury(self, dead: list[Peer]) -> None:
        if dead:
            self.commits.add(
                lambda tx: self.members.bury(tx, dead), then=lambda _: self.members.buried(dead)
            )


class _RehearsalOver(Exception):
    """Rolls a transaction back that only tried whether it could be written."""


_OF_ONE_RUN = ActivityCompleted | ActivityFailed | ChildCompleted | ChildFailed


def new_run_id() -> str:
    """Return the id of a new run."""
    return uuid.uuid4().hex


def _keep_result(tx: Transaction, run: Run, event: ActivityCompleted | ActivityFailed) -> None:
    """Store a result that arrived after its instance was given back, for whoever takes it."""
    target = find(tx, run.instance_id)
    if target is not None and not target.is_finished and target.run.run_id == run.run_id:
        inbox.put(tx, target, event, kind="activity", run_id=run.run_id)
