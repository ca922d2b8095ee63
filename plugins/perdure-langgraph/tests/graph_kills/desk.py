"""The desk of the claims as a test has it: a client here, workers in processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph_kills.claims import RECORD_VARIABLE, make_desk

from perdure.testing.target import BackendTarget
from tests.campaign.crew import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import perdure
    from perdure.testing.target import WorkerProcess
    from perdure_langgraph import DurableGraphRunner

_TESTS = Path(__file__).parents[1]
_REGISTRY = "graph_kills.claims:app"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What a test talks to.

    Attributes:
        target: The backend.
        runner: The graph.
        client: The client that the runner uses.
        record: Where nodes note themselves.
    """

    target: BackendTarget
    runner: DurableGraphRunner
    client: perdure.Client
    record: Path

    def start_worker(self) -> WorkerProcess:
        """Start a worker, and return once it is ready."""
        path = os.pathsep.join([str(ROOT), str(_TESTS), os.environ.get("PYTHONPATH", "")])
        environment = {
            RECORD_VARIABLE: str(self.record),
            "PYTHONPATH": path,
            "XDG_STATE_HOME": str(self.target.folder / "state"),
        }
        return self.target.start_worker(_REGISTRY, environment=environment)


@contextlib.asynccontextmanager
async def open_desk(url: str, folder: Path) -> AsyncGenerator[Desk, None]:
    """Open a desk without a worker, with all its files in ``folder``."""
    target = BackendTarget(url, folder=folder)
    app, runner = make_desk(backend=url)
    try:
        async with app.client() as client:
            yield Desk(
                target=target,
                runner=runner.using(client),
                client=client,
                record=folder / "record.jsonl",
            )
    finally:
        await asyncio.to_thread(target.close)
