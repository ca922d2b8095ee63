"""One of the examples of a clone of perdure, durable: ``python -m`` this module, with its name.

It is asked as its demo asks it. The scripted model answers at once, tools take no time, and what
needs approval is looked for ten times a second and approved: the way from step to step is left.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perdure.testing.scripted_model import scripted_model_process
from perdure_bench.agents import CLONE
from perdure_bench.agents.left_behind import left_behind
from perdure_bench.sides.serving import serve

if TYPE_CHECKING:
    import perdure
    from perdure_bench.sides.jobs import Shape

_LOOK_SECONDS = 0.1


class ExampleSide:
    """An example's app, with a worker and a client, and somebody who approves."""

    def __init__(self, name: str) -> None:
        self._scene: Any = importlib.import_module(f"examples.{name}.demo").SCENE
        self._opened = AsyncExitStack()
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._expected: str | None = None
        self._client: perdure.Client

    async def connect(self) -> None:
        """Start the model, the app, and who approves."""
        enter = self._opened.enter_async_context
        folder = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="perdure-bench-"))
        os.environ[self._scene.variable] = folder
        # With it the examples would ask a real model, at its price.
        os.environ.pop("OPENAI_API_KEY", None)
        if (transcript := self._scene.transcript) is not None:
            from examples.shared.models import SCRIPTED_MODEL_URL

            latency = transcript.latency.model_copy(update={"first_seconds": 0.0})
            at_once = transcript.model_copy(update={"latency": latency})
            model = await enter(scripted_model_process(at_once, log=Path(folder) / "model.jsonl"))
            os.environ[SCRIPTED_MODEL_URL] = model.url
        self._client = await enter(self._scene.open("none").app.run())

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Ask, in a conversation of its own."""
        self._answers[instance_id] = asyncio.ensure_future(self._ask(instance_id))

    async def result(self, instance_id: str) -> float:
        """Wait for the answer, which is the same each time."""
        answer = await self._answers.pop(instance_id)
        self._expected = self._expected or answer
        if not answer or answer != self._expected:
            raise ValueError(f"the example said {answer!r} instead of {self._expected!r}")
        return 1

    async def raise_event(self, instance_id: str) -> None:
        """Do nothing: it waits for none."""

    async def history(self, order: dict[str, Any]) -> dict[str, Any]:
        """Ask once more; return what that leaves behind of the answer itself."""
        await self._ask("history")
        return await left_behind(self._client, self._scene.open("history").instance_id)

    async def disconnect(self) -> None:
        """End all of it."""
        await self._opened.aclose()

    async def _ask(self, session: str) -> str:
        act = self._scene.open(session)
        answer: asyncio.Future[str] = asyncio.ensure_future(act.ask())
        while self._scene.needs_approval and not answer.done():
            waiting = self._client.approvals.list(state="waiting", instance_id=act.instance_id)
            for approval in [each async for each in waiting]:
                await self._client.approvals.approve(approval.id, by="perdure-bench")
            await asyncio.wait([answer], timeout=_LOOK_SECONDS)
        return await answer


if __name__ == "__main__":
    logging.disable(logging.INFO)
    sys.path.insert(0, str(CLONE))
    subject = ExampleSide(sys.argv[1])
    serve(subject, more={"history": subject.history})
