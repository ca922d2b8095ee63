"""What follows: from a committed step its activities, from an outcome the next step."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from perdure._runner.runner import Runner
from perdure.embedded import claims, inbox
from perdure.embedded.live import LiveInstance
from perdure.embedded.targets import find
from perdure.spi.history import (
    ActivityCompleted,
    ActivityFailed,
    ChildCompleted,
    ChildFailed,
    ContinuedAsNew,
)

if TYPE_CHECKING:
    from perdure._runner.runner import Step
    from perdure.clock import Clock
    from perdure.embedded.activities import ActivityRuns
    from perdure.embedded.advance import Advance
    from perdure.embedded.carrier import Carrier
    from perdure.embedded.commits import Commits
    from perdure.embedded.residents import Residents
    from perdure.embedded.steps import Steps
    from perdure.embedded.targets import Run
    from perdure.embedded.timers import Timers
    from perdure.embedded.transaction import Transaction

_logger = logging.getLogger(__name__)

_OF_ONE_RUN = ActivityCompleted | ActivityFailed | ChildCompleted | ChildFailed


class Actions:
    """Acts on steps and outcomes. Its parts are filled in by the engine that makes it."""

    steps: Steps
    activities: ActivityRuns
    timers: Timers
    carrier: Carrier

    def __init__(self, commits: Commits, *, residents: Residents, clock: Clock) -> None:
        self._commits = commits
        self._residents = residents
        self._clock = clock

    def ready(self, live: LiveInstance) -> None:
        """Let ``live`` be stepped and committed soon."""
        self.steps.queue(live)
        self._commits.request()

    def act(self, advance: Advance) -> None:
        """Do what a step has asked for, now that it is committed."""
        live = advance.live
        if advance.kept:
            for arrival, token in zip(advance.step.kept_back, advance.kept, strict=True):
                arrival.token = token
            live.kept_ids.update(advance.kept)
        if live.is_gone:
            return
        if advance.outcome is not None:
            self._residents.drop(live, has_ended=True)
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
            self.ready(live)
        elif not live.has_ended:
            self._commits.add(lambda tx: _keep_result(tx, live.run, event))

    def carry(self, live: LiveInstance, step: Step) -> None:
        """Fetch or store the payloads that a step needs, then let the instance go on."""
        self.carrier.carry(live, step)

    def lay_aside(self, live: LiveInstance, reason: str, *, lost: Step | None = None) -> None:
        """Stall an instance that cannot go on with this code; results that wait for it are kept.

        Args:
            live: The instance.
            reason: Why it cannot go on.
            lost: A step that it took and that cannot be written.
        """
        if live.is_gone:
            return
        run = live.run
        waiting = [arrival.event for arrival in live.runner.undelivered() if not arrival.token]
        results = [
            event
            for event in (*(lost.entries if lost is not None else ()), *waiting)
            if isinstance(event, ActivityCompleted | ActivityFailed)
        ]
        self._residents.drop(live, has_ended=False)

        def keep(tx: Transaction) -> None:
            for event in results:
                inbox.keep(tx, run.pk, event, run_id=run.run_id)

        self._commits.add(keep)
        self.stall(run.pk, instance_id=run.instance_id, reason=reason)

    def stall(self, pk: int, *, instance_id: str, reason: str) -> None:
        """Write that an instance of ours, which is not loaded, cannot go on with this code."""
        _logger.error("stalled: %s", reason, extra={"instance_id": instance_id})

        def write(tx: Transaction) -> None:
            claims.stall(tx, pk, instance_id=instance_id, reason=reason)
            claims.heed_terminations(tx)

        self._commits.add(write)

    def reload(self, live: LiveInstance, reason: str) -> None:
        """Unload an instance whose runner is not to be trusted; what is committed is the truth."""
        if live.is_gone:
            return
        run = live.run
        _logger.error("loaded anew: %s", reason, extra={"instance_id": run.instance_id})
        self._residents.drop(live, has_ended=False)
        self._commits.add(lambda tx: claims.give_back(tx, run.pk, wake_at_us=0))

    def _continue(self, ended: LiveInstance, outcome: ContinuedAsNew, *, run_id: str) -> None:
        """Begin the next run in this process; what came for whichever run goes on to it."""
        program = self._residents.program
        assert program is not None
        run = replace(ended.run, run_id=run_id, run_number=ended.run.run_number + 1)
        started = replace(
            ended.started,
            at_us=self._clock.now_us(),
            run_id=run_id,
            seed=run_id,
            arguments=outcome.arguments,
            carried=outcome.carried,
            patches=None,
            python="",
            perdure="",
        )
        live = LiveInstance(run, started=started, runner=Runner(program.executor(started.workflow)))
        live.mail_id = ended.mail_id
        live.runner.post(started)
        for arrival in ended.runner.undelivered():
            if not isinstance(arrival.event, _OF_ONE_RUN):
                live.runner.post(arrival.event, token=arrival.token)
        self._residents.add(live)
        self.ready(live)


def _keep_result(tx: Transaction, run: Run, event: ActivityCompleted | ActivityFailed) -> None:
    """Store a result that arrived after its instance was given back, for whoever takes it."""
    target = find(tx, run.instance_id)
    if target is not None and not target.is_finished and target.run.run_id == run.run_id:
        inbox.put(tx, target, event, kind="activity", run_id=run.run_id)
