"""A support desk: an agent on a scripted model, with durable conversations, on a manual clock."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agent_framework import Agent

import perdure
from agent_kit.real_clients import completions_client
from agent_kit.recording import Recording
from perdure.testing import Environment, run_in_memory
from perdure.testing.scripted_model import Rule, ScriptedModel, when
from perdure_agent_framework import DurableAgentRunner

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

ECHO = when().says("you said {user}")
HOLDS = when(user="hold", tool_results=0).calls("hold")


@dataclass(frozen=True)
class Gate:
    """A tool that does not return before it is let go.

    Attributes:
        entered: Done once the tool was called.
        opened: Done once it may return.
        given_up: How many calls were cancelled.
    """

    entered: Future[None] = field(default_factory=Future)
    opened: Future[None] = field(default_factory=Future)
    given_up: list[str] = field(default_factory=list)

    async def hold(self) -> str:
        """Hold."""
        with contextlib.suppress(InvalidStateError):
            self.entered.set_result(None)
        try:
            await asyncio.shield(asyncio.wrap_future(self.opened))
        except asyncio.CancelledError:
            self.given_up.append("hold")
            raise
        return "held"

    async def is_reached(self) -> None:
        """Wait until the tool was called."""
        await asyncio.wrap_future(self.entered)

    def open(self) -> None:
        """Let the tool return."""
        self.opened.set_result(None)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a test talks to.

    Attributes:
        runner: The agent, on the client of ``env``.
        model: The scripted model.
        env: The engine.
        app: The app.
    """

    runner: DurableAgentRunner
    model: ScriptedModel
    env: Environment
    app: perdure.App

    async def until_queued(self, session_id: str, count: int) -> None:
        """Wait until so many messages of a conversation wait their turn."""
        while (await self.runner.session(session_id)).queued != count:
            await asyncio.sleep(0.01)

    def asked(self) -> int:
        """Return how many requests the model got."""
        return len(self.model.requests())


def support_agent(url: str, *, tools: Sequence[Any] = (), name: str = "support") -> Agent[Any]:
    """Return an agent on the model at ``url``."""
    client = completions_client(url, Recording())
    return Agent(client, "You help.", name=name, tools=list(tools))


@contextlib.asynccontextmanager
async def open_desk(
    *rules: Rule, tools: Sequence[Any] = (), **options: Any
) -> AsyncGenerator[Desk, None]:
    """Open a desk whose model follows these rules, and then echoes.

    Args:
        *rules: The rules.
        tools: The agent's tools.
        **options: Those of the runner.
    """
    async with ScriptedModel([*rules, ECHO]) as model:
        app = perdure.App("desk")
        runner = DurableAgentRunner(support_agent(model.url, tools=tools), app=app, **options)
        async with run_in_memory(app) as env:
            yield Desk(runner=runner.using(env.client), model=model, env=env, app=app)
