"""The desk of the claims as a test has it: a client here, workers in processes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graph_kills.claims import make_desk

from perdure.testing.target import BackendTarget
from tests.campaign.desk import Desk

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from perdure_langgraph import DurableGraphRunner


@dataclass(frozen=True, kw_only=True)
class ClaimsDesk(Desk):
    """What a test talks to.

    Attributes:
        runner: The graph.
    """

    runner: DurableGraphRunner


@contextlib.asynccontextmanager
async def open_desk(url: str, folder: Path) -> AsyncGenerator[ClaimsDesk, None]:
    """Open a desk without a worker, with all its files in ``folder``."""
    target = BackendTarget(url, folder=folder)
    app, runner = make_desk(backend=url)
    try:
        async with app.client() as client:
            yield ClaimsDesk(
                target=target,
                client=client,
                registry="graph_kills.claims:app",
                tests=Path(__file__).parents[1],
                runner=runner.using(client),
            )
    finally:
        await asyncio.to_thread(target.close)
