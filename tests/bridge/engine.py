"""The journal that the embedded engine commits for a workflow."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from perdure.spi import StartRequest
from perdure.testing import run_in_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.registry import Registry
    from perdure.spi.history import HistoryEvent

_LONGEST_HOURS = 1


def journal_of(registry: Registry, workflow: str, arguments: str) -> Sequence[HistoryEvent]:
    """Run a workflow to its end on the real engine and return its journal."""
    return asyncio.run(_run(registry, workflow, arguments))


async def _run(registry: Registry, workflow: str, arguments: str) -> Sequence[HistoryEvent]:
    async with run_in_memory(registry) as environment:
        backend, call = environment._backend, environment._call
        request = StartRequest(workflow=workflow, instance_id="trip-1", arguments=arguments)
        await call(backend.start(request), timeout_seconds=None)
        await environment.advance(hours=_LONGEST_HOURS)
        return await call(backend.history("trip-1"), timeout_seconds=None)
