"""Intake: taking instances that nobody runs as they become due, as many as there is room for."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from perdure.embedded import claims
from perdure.errors import StorageError

if TYPE_CHECKING:
    from perdure.clock import Alarm, Clock
    from perdure.embedded.commits import Commits
    from perdure.embedded.live import LiveInstance
    from perdure.embedded.members import Members
    from perdure.embedded.residents import Residents
    from perdure.embedded.store import Store
    from perdure.embedded.transaction import Transaction

_logger = logging.getLogger(__name__)

_RETRY_SECONDS = 1.0
_MOST_AT_ONCE = 64
"""Instances taken in one commit: few, so that several workers share what is there."""


class Intake:
    """Looks for instances when something may have become due; sets an alarm for what will."""

    def __init__(
        self,
        store: Store,
        *,
        commits: Commits,
        members: Members,
        residents: Residents,
        clock: Clock,
    ) -> None:
        self._store = store
        self._members = members
        self._commits = commits
        self._residents = residents
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._workflows: frozenset[str] = frozenset()
        self._alarm: Alarm | None = None
        self._alarm_us: int | None = None
        self._is_requested = False
        self._is_claiming = False
        self.is_starved = False

    @property
    def is_settled(self) -> bool:
        """Whether it knows of nothing that it could take."""
        is_due = self._alarm_us is not None and self._alarm_us <= self._clock.now_us()
        return not (self._is_requested or self._is_claiming or is_due)

    def open(self, workflows: frozenset[str]) -> None:
        """Take instances of ``workflows`` from now on."""
        self._workflows = workflows
        self.look()

    def close(self) -> None:
        """Take nothing more."""
        self._workflows = frozenset()
        self.is_starved = False
        self._set_alarm(None)

    def look(self) -> None:
        """Look in the next round of the loop whether something can be taken."""
        if self._workflows and not self._is_requested:
            self._is_requested = True
            self._loop.call_soon(self._look)

    def _look(self) -> None:
        self._is_requested = False
        if not self._workflows or self._is_claiming:
            return
        now_us = self._clock.now_us()
        try:
            earliest = self._store.read(lambda file: claims.earliest(file, self._workflows))
        except StorageError as error:
            _logger.warning("cannot look for work, and try again: %s", error)
            self._loop.call_later(_RETRY_SECONDS, self.look)
            return
        due = [workflow for workflow, at_us in earliest.items() if at_us <= now_us]
        self._set_alarm(min((at_us for at_us in earliest.values() if at_us > now_us), default=None))
        self.is_starved = False
        if not due:
            return
        if self._residents.room <= 0 and not self._residents.has_idle():
            self.is_starved = True
            return
        self._is_claiming = True
        self._commits.add(lambda tx: self._claim(tx, due), then=self._claimed)

    def _claim(self, tx: Transaction, due: list[str]) -> tuple[int, list[LiveInstance]]:
        if not self._workflows:
            return 0, []  # closed while this waited for its turn
        room = min(self._residents.room - len(tx.effects.claims), _MOST_AT_ONCE)
        idle: list[LiveInstance] = []
        if room <= 0:
            idle = self._residents.give_back_idle(tx, most=_MOST_AT_ONCE)
            room = len(idle)
        taken = 0
        for workflow in due:
            if taken < room:
                # With others at work a fair share; the next round takes of what they left.
                sharers = 1 + self._members.rivals(workflow)
                taken += claims.claim(tx, workflow, most=room - taken, sharers=sharers)
        return taken, idle

    def _claimed(self, result: tuple[int, list[LiveInstance]]) -> None:
        _, idle = result
        self._is_claiming = False
        for live in idle:
            self._residents.drop(live, has_ended=False)

    def _set_alarm(self, at_us: int | None) -> None:
        if at_us == self._alarm_us:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_us = at_us
        self._alarm = None if at_us is None else self._clock.call_at(at_us, self._ring)

    def _ring(self) -> None:
        self._alarm = self._alarm_us = None
        self.look()
