"""The director: follows one audit to its end, and half-way kills the worker under it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import audit
import evidence
import perdure
from model import Phase, Progress, from_status
from proof import in_flight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crew import Crew
    from display import Show
    from evidence import Line
    from model import Audit
    from proof import Kill
    from stage import Stage

POLL_SECONDS: Final = 0.04
LIMIT_SECONDS: Final = 90


class DemoError(Exception):
    """The demo cannot go on; what it started is being stopped."""


@dataclass(slots=True, kw_only=True)
class Director:
    """Watches the custom status and the evidence, and acts when their time has come."""

    handle: perdure.WorkflowHandle[Audit]
    crew: Crew
    show: Show
    stage: Stage
    is_asked: bool
    kill: Kill | None = None
    has_resumed: bool = False
    has_decided: bool = False
    failures_told: int = 0

    async def direct(self) -> Kill:
        """Return once the audit has ended.

        Raises:
            DemoError: The audit stalls, takes far too long, or is over before the kill.
            WorkerDiedError: A worker ended that was not killed.
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while not (info := await self.handle.info()).status.is_terminal:
            if info.status is perdure.Status.STALLED:
                raise DemoError(f"the audit is stalled: {info.reason}")
            if time.monotonic() > deadline:
                raise DemoError(f"the audit is still {info.status}; see {self.stage.log}")
            self.crew.check()
            progress = from_status(info.custom_status_json)
            self._tell(progress)
            if self.kill is None:
                self._kill_if_half_way(progress)
            if progress.phase is Phase.APPROVAL and not self.has_decided:
                self.has_decided = True
                decision = self.show.decide(progress, is_asked=self.is_asked, by="the demo")
                await audit.answer(self.handle, decision, self.show)
                deadline = time.monotonic() + LIMIT_SECONDS
            await asyncio.sleep(POLL_SECONDS)
        if self.kill is None:
            raise DemoError("the audit was over before there was anything to kill")
        return self.kill

    def _tell(self, progress: Progress) -> None:
        """Show the progress, and say what the evidence has that was not said yet."""
        lines = evidence.read(self.stage.evidence)
        failures = [line for line in lines if line.phase == "fail"]
        for line in failures[self.failures_told :]:
            self.show.say(f"a reader failed (attempt {line.attempt}) and is tried again")
        self.failures_told = len(failures)
        if self.kill and not self.has_resumed:
            self._tell_if_resumed(self.kill, lines)
        is_dead = self.kill and not self.has_resumed
        worker = f"[red]{self.crew.pid} starts[/]" if is_dead else f"worker {self.crew.pid}"
        self.show.update(progress, worker=worker)

    def _tell_if_resumed(self, kill: Kill, lines: Sequence[Line]) -> None:
        first = next((line for line in lines if line.pid != kill.pid), None)
        if first is not None:
            self.has_resumed = True
            seconds = (first.at_us - kill.at_us) / 1e6
            self.show.say(
                f"worker {first.pid} goes on, {seconds:.2f} s after the kill", style="bold green"
            )

    def _kill_if_half_way(self, progress: Progress) -> None:
        if not 0 < progress.total <= 2 * progress.done:
            return
        caught = len(in_flight(evidence.read(self.stage.evidence)))
        if not caught:
            return
        self.kill = self.crew.kill()
        self.show.say(
            f"SIGKILL to worker {self.kill.pid}: "
            f"{progress.done} of {progress.total} read, {caught} in flight",
            style="bold red",
        )
        self.show.say(f"worker {self.crew.start()} started")
