"""The help desk as a test has it: a client here, workers and the model in processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crash.helpdesk import MODEL_VARIABLE, RULES, make_desk
from crash.witness import RECORD_VARIABLE
from perdure.testing.scripted_model import scripted_model_process
from perdure.testing.target import BackendTarget
from tests.campaign.crew import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import perdure
    from perdure.testing.scripted_model.process import ScriptedModelProcess
    from perdure.testing.target import WorkerProcess
    from perdure_agent_framework import DurableAgentRunner

_TESTS = Path(__file__).parents[1]
_REGISTRY = "crash.helpdesk:app"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a test talks to.

    Attributes:
        target: The backend.
        runner: The agent.
        client: The client that the runner uses.
        model: The scripted model.
        record: Where tools and model calls note themselves.
        streams: Where live answers are.
    """

    target: BackendTarget
    runner: DurableAgentRunner
    client: perdure.Client
    model: ScriptedModelProcess
    record: Path
    streams: str

    def start_worker(self) -> WorkerProcess:
        """Start a worker, and return once it is ready."""
        path = os.pathsep.join([str(ROOT), str(_TESTS), os.environ.get("PYTHONPATH", "")])
        environment = {
            MODEL_VARIABLE: self.model.url,
            RECORD_VARIABLE: str(self.record),
            "PERDURE_AGENT_STREAMS": self.streams,
            "PYTHONPATH": path,
            "XDG_STATE_HOME": str(self.target.folder / "state"),
        }
        return self.target.start_worker(_REGISTRY, environment=environment)


@contextlib.asynccontextmanager
async def open_desk(url: str, folder: Path) -> AsyncGenerator[Desk, None]:
    """Open a desk without a worker, with all its files in ``folder``."""
    target = BackendTarget(url, folder=folder)
    log, state = folder / "model.jsonl", folder / "model-state.jsonl"
    async with scripted_model_process(RULES, log=log, state=state) as model:
        app, runner = make_desk({MODEL_VARIABLE: model.url}, backend=url)
        try:
            async with app.client() as client:
                yield Desk(
                    target=target,
                    runner=runner.using(client),
                    client=client,
                    model=model,
                    record=folder / "record.jsonl",
                    streams=f"file://{folder}/streams",
                )
        finally:
            await asyncio.to_thread(target.close)
