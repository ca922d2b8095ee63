"""The engine: one file, one event loop, and the parts that work on them."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from perdure.embedded import claims
from perdure.embedded.actions import Actions
from perdure.embedded.activities import ActivityRuns
from perdure.embedded.carrier import Carrier
from perdure.embedded.checkpoint import Checkpointer
from perdure.embedded.commits import Commits
from perdure.embedded.housekeeping import Housekeeping
from perdure.embedded.intake import Intake
from perdure.embedded.loading import Loader
from perdure.embedded.mailroom import Mailroom
from perdure.embedded.members import Members
from perdure.embedded.residents import Residents
from perdure.embedded.steps import Steps
from perdure.embedded.timers import Timers
from perdure.embedded.transaction import NOBODY
from perdure.embedded.waiters import Waiters
from perdure.embedded.watchdog import Watchdog
from perdure.errors import PerdureError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.clock import Clock
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.location import Location
    from perdure.embedded.store import Store
    from perdure.embedded.transaction import Effects, Transaction
    from perdure.spi.program import Program

_logger = logging.getLogger(__name__)

_CALM_ROUNDS = 3
_POLL_SECONDS = 0.0005
_LEAVING_SECONDS = 5.0


class Engine:
    """One connection to one file, on one event loop, with or without a program to run."""

    def __init__(self, location: Location, store: Store, *, clock: Clock) -> None:
        loop = asyncio.get_running_loop()
        self._clock = clock
        self.store = store
        self.waiters = Waiters()
        self.commits = Commits(self)
        self.members = Members(location.path, folder=location.locks_folder, on_poke=self._poked)
        self._watchdog = Watchdog(loop=loop)
        self.residents = Residents(
            store, clock=clock, watchdog=self._watchdog, capacity=location.max_cached
        )
        self.actions = Actions(self.commits, residents=self.residents, clock=clock)
        self.steps = Steps(
            self.actions, clock=clock, watchdog=self._watchdog, new_run_id=new_run_id
        )
        self.activities = ActivityRuns(self.actions, clock=clock)
        self._timers = Timers(clock, on_due=self.actions.ready)
        self.residents.on_drop = self._timers.forget
        self.actions.steps = self.steps
        self.actions.activities = self.activities
        self.actions.timers = self._timers
        self._carrier = self.actions.carrier = Carrier(self.steps, actions=self.actions)
        self._mailroom = Mailroom(store, residents=self.residents, clock=clock)
        self._intake = Intake(
            store,
            commits=self.commits,
            members=self.members,
            residents=self.residents,
            clock=clock,
        )
        self._loader = Loader(
            self.residents, mailroom=self._mailroom, actions=self.actions, intake=self._intake
        )
        self._housekeeping = Housekeeping(
            store,
            commits=self.commits,
            members=self.members,
            clock=clock,
            retention=location.retention,
            look_around=self._look_around,
        )
        self._checkpointer = Checkpointer(location.path)
        self._program: Program | None = None
        self._workflows = NOBODY
        self._worker: object = None

    # -- a process comes and goes ----------------------------------------------------------------

    async def open(self) -> None:
        """Register this process, and take over what the dead have left.

        Raises:
            StorageError: The file cannot be written.
        """
        await self.commits.perform(lambda tx: self.members.bury(tx, ()))
        self.store.has_foreign_changes()
        self._housekeeping.open()
        self.members.greet()

    async def close(self) -> None:
        """Leave the file; what this process still owns is freed."""
        self.take_no_more()
        self._forget()
        self._housekeeping.close()
        try:
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self.commits.perform(self.members.leave)
        except (TimeoutError, PerdureError) as error:
            _logger.warning("left without saying so; others will find out: %s", error)
        self.members.greet()
        self.release()

    def release(self) -> None:
        """Let go of everything that the system holds for us."""
        self._housekeeping.close()
        self.commits.close()
        self.waiters.close()
        self._timers.close()
        self._watchdog.stop()
        self._checkpointer.stop()
        self.store.close()
        self.members.close()

    # -- a worker comes and goes -----------------------------------------------------------------

    def reserve(self, worker: object) -> None:
        """Let ``worker`` be the one that runs here; ``None`` to have none.

        Raises:
            RuntimeError: Another one does.
        """
        if worker is not None and self._worker not in {None, worker}:
            problem = "this backend has a worker already; open another backend for a second one"
            raise RuntimeError(problem)
        self._worker = worker

    def attach(self, program: Program) -> None:
        """Run ``program`` from now on."""
        self._program = self.residents.program = program
        self.activities.program = self.steps.program = program
        self.steps.starts_activities = True
        self._workflows = program.workflows
        self._housekeeping.employ(self._workflows)
        self._intake.open(self._workflows)

    def take_no_more(self) -> None:
        """Load and start nothing new."""
        self._intake.close()
        self.steps.starts_activities = False

    def detach(self) -> None:
        """Let go of the program; what is still loaded is freed as it is."""
        self._forget()
        self.commits.add(claims.give_back_all)
        self._housekeeping.employ(None)
        self._worker = self._program = None

    async def give_back_idle(self) -> None:
        """Give back all instances that wait for something."""

        def given_back(lives: list[LiveInstance]) -> None:
            for live in lives:
                self.residents.drop(live, has_ended=False)

        await self.commits.perform(self.residents.give_back_idle, then=given_back)

    async def settle(self, *, ignores_activities: bool = False) -> None:
        """Return once there is nothing left to do at the present instant."""
        calm = 0
        while calm < _CALM_ROUNDS:
            is_settled = self._is_settled and (ignores_activities or not self.activities.count)
            calm = calm + 1 if is_settled else 0
            await asyncio.sleep(0 if is_settled else _POLL_SECONDS)

    @property
    def _is_settled(self) -> bool:
        return (
            self.commits.is_settled
            and self.steps.is_settled
            and self._intake.is_settled
            and not self.residents.loading
            and not self.residents.fetching
            and self._carrier.is_settled
            and not self._timers.is_due
            and not self._mailroom.is_expecting
        )

    # -- what the group commit asks for ----------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Return a transaction of this process, which it registers if need be."""
        is_taking = self._program is not None and self.steps.starts_activities
        with self.store.transaction(
            worker_id=self.members.id,
            now_us=self._clock.now_us(),
            workflows=self._workflows if is_taking else NOBODY,
            room=self.residents.room,
        ) as tx:
            if not self.members.id:
                self.members.enlist(tx)
            yield tx
        self.members.id = tx.worker_id

    def prepare(self) -> bool:
        """Deliver the mail and step what is ready."""
        if self._mailroom.is_expecting:
            try:
                self._mailroom.deliver(self.steps, actions=self.actions, owner=self.members.id)
            except StorageError as error:
                _logger.warning("cannot read the inbox, and try again: %s", error)
        return self.steps.take()

    def write(self, tx: Transaction) -> None:
        """Write the steps."""
        self.steps.write(tx)

    def committed(self, effects: Effects) -> None:
        """Act on the steps, and on what the transaction has brought about."""
        self.steps.committed()
        if effects.claims:
            self._loader.load(effects.claims)
        if effects.has_mail:
            self._expect_mail()
        if effects.ended:
            self.waiters.notify(effects.ended)
        if effects.has_ready or self._intake.is_starved:
            self._intake.look()
        self.members.poke(effects)
        self._checkpointer.note_commit()

    def fenced(self) -> None:
        """Forget what we owned, for it is others' now, and register anew."""
        _logger.error(
            "others took this process for dead, and took over its %d instances; it begins anew",
            len(self.residents.lives),
        )
        self._forget()
        self.members.expelled()

    def set_apart(self, error: Exception) -> bool:
        """Find the instances whose steps can never be written, and go on without them."""
        _logger.error("what is to be written cannot be", exc_info=error)
        faults = self.steps.unwritable(self.transaction)
        for live, fault in faults:
            self.steps.forget(live)
            if fault is None:
                self.actions.reload(live, "another process has advanced it")
            else:
                self.actions.lay_aside(live, f"its step cannot be written: {fault}")
        return bool(faults)

    def _forget(self) -> None:
        self.activities.cancel()
        self.steps.forget()
        self._carrier.cancel()
        self.residents.loading.clear()
        for fetching in self.residents.fetching.values():
            fetching.cancel()
        self.residents.fetching.clear()
        for live in list(self.residents.lives.values()):
            self.residents.drop(live, has_ended=True)

    # -- other processes -------------------------------------------------------------------------

    def _expect_mail(self) -> None:
        self._mailroom.is_expecting = True
        self.commits.request()

    def _poked(self, is_hello: bool) -> None:
        try:
            if is_hello:
                self.store.read(self.members.refresh)
            self._look_around()
        except StorageError as error:
            _logger.warning("cannot look at the file, and try again in a second: %s", error)

    def _look_around(self) -> None:
        """Take notice of what other processes have committed."""
        if self._mailroom.is_expecting:
            self.commits.request()
        if self.store.has_foreign_changes():
            self._expect_mail()
            self.store.read(self.waiters.look)
            self._intake.look()


def new_run_id() -> str:
    """Return the id of a new run."""
    return uuid.uuid4().hex
