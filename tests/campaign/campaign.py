"""A campaign: one side's workflows on a real server, while processes are killed by a plan."""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.campaign import shapes
from tests.campaign.client import read_endings
from tests.campaign.crew import Crew, Process, Side, spawn
from tests.campaign.judge import Judge
from tests.campaign.report import NUDGE, RESTART, Kill, Loss, Recovery, Report
from tests.campaign.schedule import (
    WORKER,
    Outage,
    Plan,
    duties_of,
    outages_of,
    server_names,
    worker_names,
)
from tests.campaign.watch import Watch
from tests.crash import evidence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.campaign.client import Ending
    from tests.campaign.schedule import Duty

_POLL_SECONDS: Final = 0.05
_WITHOUT_WORKERS_SECONDS: Final = 0.7
_COME_BACK_SECONDS: Final = 15.0
_RECOVERY_SECONDS: Final = 15.0
_AIM_SECONDS: Final = 1.0
_AIM_POLL_SECONDS: Final = 0.002
_LOG_LINES: Final = 12


class Servers(Protocol):
    """The servers of a campaign, up; see :class:`perdure.stack.TiedStack`."""

    def kill(self, server: str) -> None:
        """Kill one."""

    def start(self, server: str) -> None:
        """Start it again, and return once it is healthy."""

    def stop(self, server: str) -> None:
        """Have it end in order."""

    def log(self, server: str) -> str:
        """Return what it has written."""


class Vendor(Protocol):
    """What a campaign needs to know of a vendor's servers.

    Attributes:
        order: In which they are started, those that workers talk to aside.
    """

    order: tuple[str, ...]

    def servers(self, plan: Plan, folder: Path) -> AbstractContextManager[Servers]:
        """Bring the servers of ``plan`` up, with their state in ``folder``."""

    def url(self, servers: Any, name: str) -> str:
        """Return the value for ``PERDURE_BACKEND`` that reaches one."""

    def environment(self, url: str) -> Mapping[str, str]:
        """Return what a process needs that talks to the server at ``url``."""

    def views(self, url: str, ids: list[str]) -> Mapping[str, str]:
        """Return what the server says of each instance."""

    def nudge(self, url: str, ids: list[str], name: str, payload: str) -> None:
        """Raise an event on each instance that takes one."""

    def is_torn(self, view: str) -> bool:
        """Return whether the server says that it cannot read an instance any more."""


class Campaign:
    """Carries out one plan on one side.

    Args:
        plan: What to do.
        side: Who does it.
        vendor: On whose servers.
        folder: For the stack, the record and the logs.
    """

    def __init__(self, plan: Plan, side: Side, vendor: Vendor, folder: Path) -> None:
        self.report = Report(side=side.name, plan=plan)
        self._vendor = vendor
        self._plan = plan
        self._side = side
        self._folder = folder
        self._record = folder / "record.jsonl"
        self._endings = folder / "endings.jsonl"
        self._duties = [
            duty
            for duty in duties_of(plan, sorted(shapes.EXPECTED))
            if duty.workflow in side.workflows
        ]
        self._watch = Watch(self._record)
        self._begun = time.monotonic()
        self._last: Outage | None = None

    def run(self) -> Report:
        """Carry the plan out to its end and return what came of it."""
        with self._vendor.servers(self._plan, self._folder / "stack") as stack:
            self._begun = time.monotonic()
            crew = self._crew(stack)
            client = self._start_client(stack)
            try:
                client.tell("0")
                time.sleep(_WITHOUT_WORKERS_SECONDS)
                for name in worker_names(self._plan):
                    crew.start(name, is_armed=True)
                for number, outage in enumerate(outages_of(self._plan)):
                    if number:
                        client.tell(str(number))
                    self._await_moment(outage, crew)
                    self._carry_out(outage, stack, crew)
                self._wait_for_ends(client, crew)
                self._take_stock(stack, crew)
            finally:
                client.kill()
                self.report.never_drained = crew.end()
        lines = evidence.read(self._record)
        careful = [each.instance_id for each in self._duties if each.workflow == shapes.CAREFUL]
        self.report.verdict = Judge(deaths=crew.deaths(lines), careful=careful).examine(lines)
        self.report.seconds = time.monotonic() - self._begun
        return self.report

    # -- what lives -------------------------------------------------------------------------------

    def _environment(self, url: str) -> dict[str, str]:
        return {
            **self._side.environment,
            **self._vendor.environment(url),
            "CRASH_BACKEND": url,
            "CRASH_RECORD": str(self._record),
            "XDG_STATE_HOME": str(self._folder / "state"),
            "CAMPAIGN_RECORDS": "on" if self._plan.is_recording else "off",
        }

    def _crew(self, stack: Servers) -> Crew:
        urls = [self._vendor.url(stack, name) for name in server_names(self._plan)]
        environments = {
            name: self._environment(urls[number % len(urls)])
            for number, name in enumerate(worker_names(self._plan))
        }
        chance = random.Random(f"crew {self._plan.seed}")
        return Crew(self._side, environments, logs=self._folder, chance=chance)

    def _start_client(self, stack: Servers) -> Process:
        duties = self._folder / "duties.json"
        duties.write_text(json.dumps([asdict(duty) for duty in self._duties]), encoding="utf-8")
        return spawn(
            "tests.campaign.client_main",
            self._side.calls,
            str(duties),
            str(self._endings),
            folder=self._side.folder,
            environment=self._environment(self._vendor.url(stack, self._plan.server)),
            log=self._folder / "client.log",
            is_listening=True,
        )

    # -- what dies --------------------------------------------------------------------------------

    def _await_moment(self, outage: Outage, crew: Crew) -> None:
        """Wait until work goes on after the last outage, and for the moment of the next."""
        self._await_work(crew)
        self._last = outage
        self._let_pass(outage.after_seconds, crew, is_armed=True)
        aimed_until = time.monotonic() + _AIM_SECONDS
        while outage.is_aimed and time.monotonic() < aimed_until:
            workers = [each for each in outage.victims if each in crew.names] or crew.names
            if self._watch.running(crew.pids(workers)):
                return
            self._replace_dead(crew, is_armed=True)
            time.sleep(_AIM_POLL_SECONDS)

    def _await_work(self, crew: Crew) -> None:
        begun, since = self._watch.begun(), time.monotonic()
        while (is_idle := self._watch.begun() == begun) and (
            time.monotonic() - since < _RECOVERY_SECONDS
        ):
            self._let_pass(_POLL_SECONDS, crew, is_armed=True)
        if self._last is not None:
            seconds = None if is_idle else time.monotonic() - since
            self.report.recoveries.append(Recovery(victims=self._last.victims, seconds=seconds))

    def _carry_out(self, outage: Outage, stack: Servers, crew: Crew) -> None:
        for victim in outage.victims:
            if victim.startswith(WORKER):
                self._kill_worker(victim, crew)
            else:
                self._note_kill(victim, self._watch.running(crew.pids(crew.names)))
                stack.kill(victim)
        self._let_pass(outage.down_seconds, crew, is_armed=True, but=outage.victims)
        order = (*self._vendor.order, *server_names(self._plan))
        for victim in sorted(set(outage.victims) & set(order), key=order.index):
            stack.start(victim)
        for victim in outage.victims:
            if victim.startswith(WORKER):
                crew.start(victim, is_armed=True)

    def _kill_worker(self, name: str, crew: Crew) -> None:
        pids = crew.pids([name])
        crew.kill(name)
        self._note_kill(name, self._watch.running(pids))

    def _let_pass(
        self, seconds: float, crew: Crew, *, is_armed: bool, but: tuple[str, ...] = ()
    ) -> None:
        """Let time pass, and replace workers that die meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            self._replace_dead(crew, is_armed=is_armed, but=but)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, _POLL_SECONDS))

    def _replace_dead(self, crew: Crew, *, is_armed: bool, but: tuple[str, ...] = ()) -> None:
        for name, has_killed_itself in crew.bury().items():
            self.report.worker_exits += not has_killed_itself
            if has_killed_itself:
                self._note_kill(f"{name} (result)", 1)  # its activity's, which nobody has heard of
            if name not in but:
                crew.start(name, is_armed=is_armed)

    def _note_kill(self, victim: str, in_flight: int) -> None:
        seconds = time.monotonic() - self._begun
        self.report.kills.append(Kill(victim=victim, seconds=seconds, in_flight=in_flight))

    # -- what came of it --------------------------------------------------------------------------

    def _wait_for_ends(self, client: Process, crew: Crew) -> None:
        """Wait until all instances have ended, with workers that do not kill themselves."""
        for name in worker_names(self._plan):
            self._kill_worker(name, crew)
            crew.start(name, is_armed=False)
        deadline = time.monotonic() + self._plan.patience_seconds
        while len(read_endings(self._endings)) < len(self._duties) and time.monotonic() < deadline:
            if client.has_ended and len(read_endings(self._endings)) < len(self._duties):
                raise RuntimeError(f"the client has ended; see {self._folder / 'client.log'}")
            self._let_pass(_POLL_SECONDS, crew, is_armed=False)

    def _take_stock(self, stack: Servers, crew: Crew) -> None:
        endings = read_endings(self._endings)
        report = self.report
        report.instances = len(self._duties)
        report.doubtful_events = sum(len(each.doubtful) for each in endings.values())
        report.calls_failed = sum(each.calls_failed for each in endings.values())
        report.odd_errors = sorted({odd for each in endings.values() for odd in each.odd_errors})
        report.last_seconds = max((e.at - self._begun for e in endings.values()), default=0.0)
        for duty in self._duties:
            ending = endings.get(duty.instance_id)
            if ending is not None and (problem := _problem(duty, ending)):
                report.wrong[duty.instance_id] = problem
        missing = [duty for duty in self._duties if duty.instance_id not in endings]
        if missing:
            report.lost = self._look_at(missing, stack, crew)

    def _look_at(self, missing: list[Duty], stack: Servers, crew: Crew) -> list[Loss]:
        """Return what is known of instances that have not ended, and see if a restart helps."""
        families = {
            duty.instance_id: shapes.family_of(duty.workflow, duty.instance_id) for duty in missing
        }
        url = self._vendor.url(stack, self._plan.server)
        views = self._vendor.views(url, [*chain(*families.values())])
        names = (*self._vendor.order, *server_names(self._plan))
        logs = {name: stack.log(name) for name in names}
        told = {
            instance_id: "\n".join(views.get(each, f"nothing of {each}") for each in family)
            for instance_id, family in families.items()
        }
        losses = [
            Loss(
                instance_id=instance_id,
                problem=f"no end within {self._plan.patience_seconds:.0f} s of the last kill",
                vendor=vendor,
                logs=tuple(_lines_about(instance_id, logs)),
                is_torn=self._vendor.is_torn(vendor),
            )
            for instance_id, vendor in told.items()
        ]
        self._vendor.nudge(url, [*chain(*families.values())], *self._side.nudge)
        nudged = self._await_ends(families, crew)
        for name in () if nudged >= families.keys() else server_names(self._plan):
            stack.stop(name)
            stack.start(name)
        restarted = self._await_ends(families, crew)
        remedies = {**dict.fromkeys(restarted, RESTART), **dict.fromkeys(nudged, NUDGE)}
        return [replace(each, came_by=remedies.get(each.instance_id, "")) for each in losses]

    def _await_ends(self, ids: Collection[str], crew: Crew) -> set[str]:
        """Wait a while for the ends of instances, and return the ids of those that ended."""
        deadline = time.monotonic() + _COME_BACK_SECONDS
        while not (ended := set(ids) & read_endings(self._endings).keys()) >= set(ids):
            if time.monotonic() >= deadline:
                break
            self._let_pass(_POLL_SECONDS, crew, is_armed=False)
        return ended


def _problem(duty: Duty, ending: Ending) -> str:
    if ending.status != "completed":
        return f"{ending.status}: {ending.failure}"
    return shapes.problem_with(
        duty.workflow, duty.instance_id, ending.result, doubtful=ending.doubtful
    )


def _lines_about(instance_id: str, logs: dict[str, str]) -> list[str]:
    found = [
        f"{server}: {line}"
        for server, log in logs.items()
        for line in log.splitlines()
        if instance_id in line
    ]
    return found[-_LOG_LINES:]
