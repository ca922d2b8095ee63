"""An agent of the Microsoft Agent Framework, durable or as the framework alone runs it.

``python -m`` this module, with ``plain`` or ``perdure``. The model is scripted, over real HTTP, in
a process that is this one's child.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure_agent_framework import DurableAgentRunner

import perdure
from perdure.testing.scripted_model import scripted_model_process
from perdure_bench.agents.agent import ANSWER, GREETING, QUESTION, RULES, TOOL_TURNS, make_agent
from perdure_bench.agents.left_behind import left_behind
from perdure_bench.cells import PERDURE
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from perdure_bench.sides.jobs import Shape

_GREETINGS_AT_ONCE = 16


class AgentSide:
    """The agent, and where it is durable, its app."""

    def __init__(self, *, is_durable: bool) -> None:
        self._is_durable = is_durable
        self._opened = AsyncExitStack()
        self._answers: dict[str, asyncio.Future[Any]] = {}
        self._client: perdure.Client
        self._agent: Any

    async def connect(self) -> None:
        """Start the model, and the app."""
        enter = self._opened.enter_async_context
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="perdure-bench-"))
        model = await enter(scripted_model_process(RULES, log=Path(folder) / "model.jsonl"))
        self._agent = make_agent(model.url)
        if self._is_durable:
            app = perdure.App("bench-agents")
            self._agent = DurableAgentRunner(self._agent, app=app)
            self._client = await enter(app.run())

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Ask; the id is not the turn's."""
        self._answers[instance_id] = asyncio.ensure_future(self._ask(QUESTION))

    async def result(self, instance_id: str) -> float:
        """Wait for the answer."""
        response = await self._answers.pop(instance_id)
        if response.text != ANSWER:
            raise ValueError(f"the agent said {response.text!r} instead of {ANSWER!r}")
        return TOOL_TURNS

    async def raise_event(self, instance_id: str) -> None:
        """Do nothing: it waits for none."""

    async def history(self, order: dict[str, Any]) -> dict[str, Any]:
        """Answer once more; return what that leaves behind that is no part of a conversation."""
        before = {info.instance_id async for info in self._client.list()}
        await self._ask(QUESTION)
        after = {info.instance_id async for info in self._client.list()}
        (turn,) = after - before
        return await left_behind(self._client, turn)

    async def greet(self, order: dict[str, Any]) -> dict[str, Any]:
        """Begin so many conversations, of a message and an answer each, that then wait."""
        at_once = asyncio.Semaphore(_GREETINGS_AT_ONCE)

        async def one(number: int) -> None:
            async with at_once:
                await self._agent.run(GREETING, session_id=f"idle-{order['from']}-{number}")

        await asyncio.gather(*(one(number) for number in range(order["count"])))
        return {}

    async def disconnect(self) -> None:
        """End the app and the model."""
        await self._opened.aclose()

    def _ask(self, question: str) -> Awaitable[Any]:
        asked: Awaitable[Any] = self._agent.run(question)
        return asked


if __name__ == "__main__":
    # What clients log of each request would be the plain side's cost as well as ours.
    logging.disable(logging.INFO)
    subject = AgentSide(is_durable=sys.argv[1] == PERDURE)
    serve(subject, more={"history": subject.history, "greet": subject.greet})
