"""Our side on whatever ``PERDURE_BACKEND`` says, at its defaults: ``python -m`` this module."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import perdure
from benchmarks import programs
from benchmarks.beside.serving import serve
from benchmarks.beside.workloads import STARTS_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.beside.workloads import Job, Shape
    from perdure import Workflow

_WORKFLOWS: dict[Shape, Workflow[[int], int]] = {
    "chain": programs.chain,
    "fan_out": programs.fan_out,
}


class PerdureSide:
    """An app, open between connect and disconnect."""

    def __init__(self) -> None:
        self._app = perdure.App("bench")
        self._app.include(programs.registry)
        self._opened = AsyncExitStack()
        self._client: perdure.Client

    async def connect(self) -> None:
        """Open the app, with a worker."""
        self._client = await self._opened.enter_async_context(self._app.run())

    async def run(self, job: Job, instance_ids: Sequence[str]) -> list[int]:
        """Do a job."""
        workflow = _WORKFLOWS[job.shape]
        starting = asyncio.Semaphore(STARTS_AT_ONCE)

        async def one(instance_id: str) -> int:
            async with starting:
                handle = await self._client.start(workflow, job.size, instance_id=instance_id)
            return await handle.result()

        return await asyncio.gather(*(one(instance_id) for instance_id in instance_ids))

    async def disconnect(self) -> None:
        """Close the app."""
        await self._opened.aclose()


if __name__ == "__main__":
    serve(PerdureSide())
