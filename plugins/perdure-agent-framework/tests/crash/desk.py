"""The help desk as a test has it: a client here, workers and the model in processes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crash.helpdesk import MODEL_VARIABLE, RULES, make_desk
from perdure.testing.scripted_model import scripted_model_process
from perdure.testing.target import BackendTarget
from tests.campaign.desk import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure.testing.scripted_model.process import ScriptedModelProcess
    from perdure_agent_framework import DurableAgentRunner


@dataclass(frozen=True, kw_only=True)
class HelpDesk(Desk):
    """What a test talks to.

    Attributes:
        runner: The agent.
        model: The scripted model.
    """

    runner: DurableAgentRunner
    model: ScriptedModelProcess


@contextlib.asynccontextmanager
async def open_desk(url: str, folder: Path) -> AsyncGenerator[HelpDesk, None]:
    """Open a desk without a worker, with all its files in ``folder``."""
    target = BackendTarget(url, folder=folder)
    log, state = folder / "model.jsonl", folder / "model-state.jsonl"
    async with scripted_model_process(RULES, log=log, state=state) as model:
        app, runner = make_desk({MODEL_VARIABLE: model.url}, backend=url)
        streams = f"file://{folder}/streams"
        try:
            async with app.client() as client:
                yield HelpDesk(
                    target=target,
                    client=client,
                    registry="crash.helpdesk:app",
                    tests=Path(__file__).parents[1],
                    environment={MODEL_VARIABLE: model.url, "PERDURE_AGENT_STREAMS": streams},
                    runner=runner.using(client),
                    model=model,
                )
        finally:
            await asyncio.to_thread(target.close)
