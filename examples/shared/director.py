"""The director: follows one answer to its end, kills the worker under it, and approves."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from examples.shared import approvals, journal
from examples.shared.proof import Call, calls_of_models, calls_of_tools
from perdure.testing.scripted_model import read_log

if TYPE_CHECKING:
    import perdure
    from examples.shared.crew import Crew, Kill
    from examples.shared.scene import Scene
    from examples.shared.show import Show
    from examples.shared.stage import Stage

POLL_SECONDS: Final = 0.03
LOOK_SECONDS: Final = 0.2
LIMIT_SECONDS: Final = 120
# A result that is just being stored would have to be called again; that is shown, but no surprise.
CALM_SECONDS: Final = 0.1


class DemoError(Exception):
    """The demo cannot go on; what it started is being stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The calls that were made until now, in the order in which they began."""

    tools: list[Call]
    models: list[Call]

    @property
    def number(self) -> int:
        """How many there are."""
        return len(self.tools) + len(self.models)

    @property
    def finished(self) -> int:
        """How many of them have ended."""
        return sum(call.is_finished for call in (*self.tools, *self.models))

    @property
    def in_flight(self) -> int:
        """How many have not."""
        return self.number - self.finished


@dataclass(slots=True, kw_only=True)
class Director:
    """Watches the journals, and acts when their time has come.

    Attributes:
        instance_id: The instance that waits for what is to be approved.
        kill: The kill, and ...
        at_kill: ... the calls as they stood then.
        resumed_after_seconds: How long after it the next worker made its first call.
    """

    scene: Scene
    stage: Stage
    crew: Crew
    show: Show
    client: perdure.Client
    instance_id: str
    kill: Kill | None = None
    at_kill: Calls | None = None
    resumed_after_seconds: float | None = None
    _killed_at: float = 0.0
    _seen: tuple[int, int] = (0, 0)
    _seen_at: float = field(default_factory=time.monotonic)
    _looked_at: float = 0.0

    async def direct(self, answer: asyncio.Future[str]) -> str:
        """Return what the agent has said at the end.

        Raises:
            DemoError: It takes far too long, or is over before the kill.
            WorkerDiedError: A worker ended that was not killed.
        """
        deadline = time.monotonic() + LIMIT_SECONDS
        while not answer.done():
            if time.monotonic() > deadline:
                raise DemoError(f"no answer in {LIMIT_SECONDS} s; see {self.stage.log}")
            self.crew.check()
            calls = self.calls()
            self._watch(calls)
            if self.kill is None:
                self._kill_if_in_the_middle(calls)
            elif self.resumed_after_seconds is not None:
                await self._approve_if_asked()
            await asyncio.sleep(POLL_SECONDS)
        text = answer.result()
        if self.kill is None:
            raise DemoError("the agent had answered before there was anything to kill")
        return text

    def calls(self) -> Calls:
        """Return the calls that were made until now."""
        return Calls(
            tools=calls_of_tools(journal.read(self.stage.journal)),
            models=calls_of_models(read_log(self.stage.model_log)),
        )

    def _watch(self, calls: Calls) -> None:
        seen = (calls.number, calls.finished)
        if seen != self._seen:
            self._seen, self._seen_at = seen, time.monotonic()
        at_kill = self.at_kill
        if at_kill and self.resumed_after_seconds is None and calls.number > at_kill.number:
            self.resumed_after_seconds = time.monotonic() - self._killed_at
            self.show.say(
                f"worker {self.crew.pid} goes on, {self.resumed_after_seconds:.2f} s after the "
                "kill",
                style="bold green",
            )

    def _kill_if_in_the_middle(self, calls: Calls) -> None:
        tools_finished = sum(call.is_finished for call in calls.tools)
        if tools_finished < self.scene.kill_after or tools_finished == len(calls.tools):
            return
        is_calm = time.monotonic() - self._seen_at > CALM_SECONDS
        if not is_calm and tools_finished <= self.scene.kill_after + 1:
            return
        self.kill = self.crew.kill()
        self._killed_at = time.monotonic()
        self.at_kill = self.calls()
        self.show.say(
            f"SIGKILL to worker {self.kill.pid}: {self.at_kill.finished} calls finished, "
            f"{self.at_kill.in_flight} in flight",
            style="bold red",
        )
        self.show.say(f"worker {self.crew.start()} started")

    async def _approve_if_asked(self) -> None:
        now = time.monotonic()
        if not self.scene.needs_approval or now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        waiting = self.client.approvals.list(state="waiting", instance_id=self.instance_id)
        for approval in [each async for each in waiting]:
            asked = json.dumps(approval.arguments, ensure_ascii=False)
            self.show.say(f"{approval.message} {asked}", style="bold")
            command, said = await approvals.approve(approval.id, by="the-demo")
            self.show.say(f"$ {command}", style="cyan")
            self.show.say(said)
