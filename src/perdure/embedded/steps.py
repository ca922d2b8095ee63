"""Stepping: which instances have something to deliver, and which steps wait for a commit."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from perdure.embedded.advance import Advance, write
from perdure.embedded.store import BusyError, FencedError
from perdure.errors import ForbiddenInWorkflowError, NonDeterminismError, StorageError
from perdure.spi.history import ActivityCompleted, ActivityFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from perdure._runner.runner import Step
    from perdure.clock import Clock
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.transaction import Transaction
    from perdure.embedded.watchdog import Watchdog
    from perdure.spi.history import ActivityScheduled
    from perdure.spi.program import Program

_logger = logging.getLogger(__name__)


class _RehearsalOverError(Exception):
    """Rolls a transaction back that only tried whether it could be written."""


class Actor(Protocol):
    """Who acts on steps."""

    def act(self, advance: Advance) -> None:
        """Start what a committed step has asked for."""

    def lay_aside(self, live: LiveInstance, reason: str) -> None:
        """Stall an instance that cannot go on with the code of this worker."""

    def reload(self, live: LiveInstance, reason: str) -> None:
        """Go on from what is committed."""

    def carry(self, live: LiveInstance, step: Step) -> None:
        """Fetch or store the payloads that a step needs, then let the instance go on."""


class Steps:
    """The instances to be stepped, and the batch of steps that are not committed yet."""

    def __init__(
        self, actor: Actor, *, clock: Clock, watchdog: Watchdog, new_run_id: Callable[[], str]
    ) -> None:
        self._actor = actor
        self._clock = clock
        self._watchdog = watchdog
        self._new_run_id = new_run_id
        self._ready: list[LiveInstance] = []
        self._batch: list[Advance] = []
        self._taken = 0
        self.starts_activities = True
        self.program: Program | None = None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing to step and nothing to commit."""
        return not (self._ready or self._batch)

    def queue(self, live: LiveInstance) -> None:
        """Let ``live`` be stepped before the next commit."""
        if not live.is_queued:
            live.is_queued = True
            self._ready.append(live)

    def take(self) -> bool:
        """Step what is queued; return whether there is anything to commit."""
        if self._ready:
            ready, self._ready = self._ready, []
            now_us = self._clock.now_us()
            for live in ready:
                live.is_queued = False
                # One that has ended waits for its commit; what came since is for its next run.
                if not (live.is_gone or live.carried or live.runner.outcome is not None):
                    self._take(live, now_us)
        return bool(self._batch)

    def write(self, tx: Transaction) -> None:
        """Write the batch. May be called again after a rollback."""
        if self._batch:
            write(tx, self._batch)

    def committed(self) -> None:
        """Act on the batch."""
        batch, self._batch = self._batch, []
        for advance in batch:
            advance.live.uncommitted -= 1
            try:
                self._actor.act(advance)
            except Exception:
                run = advance.live.run
                _logger.exception("cannot act on a step", extra={"instance_id": run.instance_id})
                self._actor.reload(advance.live, "acting on a step failed")

    def forget(self, live: LiveInstance | None = None) -> None:
        """Drop the steps of one instance, or everything."""
        if live is None:
            self._ready.clear()
            self._batch.clear()
        else:
            self._batch = [advance for advance in self._batch if advance.live is not live]

    def unwritable(
        self, transaction: Callable[[], AbstractContextManager[Transaction]]
    ) -> list[tuple[LiveInstance, Exception | None]]:
        """Return the instances whose steps cannot be written, each with the reason.

        The reason is ``None`` where somebody else has written a step of that number. Nothing is
        written: each instance's steps are tried in a transaction that is rolled back.
        """
        faults: list[tuple[LiveInstance, Exception | None]] = []
        for live in dict.fromkeys(advance.live for advance in self._batch):
            try:
                with transaction() as tx:
                    write(tx, [advance for advance in self._batch if advance.live is live])
                    raise _RehearsalOverError
            except _RehearsalOverError:
                continue
            except (BusyError, FencedError, StorageError):
                break
            except sqlite3.IntegrityError:
                faults.append((live, None))
            except Exception as error:  # noqa: BLE001 - it is logged, and stalls that instance only
                faults.append((live, error))
        return faults

    def add(self, live: LiveInstance, step: Step) -> None:
        """Add a step whose payloads have been stored to the batch."""
        with self._guarded(live):
            self._enqueue(live, self._advance(live, step))

    def _take(self, live: LiveInstance, now_us: int) -> None:
        with self._guarded(live):
            step = self._watchdog.run(
                partial(live.runner.step, now_us), instance_id=live.run.instance_id
            )
            if step.is_unsettled or step.missing:
                self._actor.carry(live, step)
            if not step.is_unsettled:
                self._enqueue(live, self._advance(live, step))

    @contextmanager
    def _guarded(self, live: LiveInstance) -> Iterator[None]:
        """Let what goes wrong in a step be that instance's own trouble."""
        instance_id = live.run.instance_id
        try:
            yield
        except NonDeterminismError as error:
            self._actor.lay_aside(live, str(error))
        except ForbiddenInWorkflowError as error:
            # It hit just after the step, whose result is lost with it.
            self._actor.reload(live, str(error))
        except Exception as error:
            _logger.exception("a step failed in perdure itself", extra={"instance_id": instance_id})
            self._actor.lay_aside(live, f"perdure itself failed: {type(error).__name__}: {error}")

    def _enqueue(self, live: LiveInstance, advance: Advance) -> None:
        if advance.has_changes:
            live.uncommitted += 1
            self._batch.append(advance)
        else:
            self._actor.act(advance)

    def _advance(self, live: LiveInstance, step: Step) -> Advance:
        self._taken += 1
        live.used = self._taken
        activities = self._to_start(live, step)
        advance = Advance(live, step, activities=activities, new_run_id=self._new_run_id)
        if any(activity.delivery == "at_most_once" for activity in activities):
            advance.marks = self._runnable(activities)
        return advance

    def _to_start(self, live: LiveInstance, step: Step) -> list[ActivityScheduled]:
        if not self.starts_activities or live.runner.outcome is not None:
            return []
        if not live.must_resume:
            return step.activities()
        live.must_resume = False
        # On hold, a result may have come that the executor has not been told of.
        done = {
            arrival.event.id
            for arrival in live.runner.undelivered()
            if isinstance(arrival.event, ActivityCompleted | ActivityFailed)
        }
        return [a for a in live.runner.executor.open_activities() if a.id not in done]

    def _runnable(self, activities: list[ActivityScheduled]) -> list[int]:
        """Return which at-most-once activities will be started, and must be marked as such before.

        One that is not registered here will not: its instance stalls, and another worker runs it.
        """
        known = self.program.activities if self.program is not None else frozenset()
        return [a.id for a in activities if a.delivery == "at_most_once" and a.name in known]
