"""Conversations that wait for their next message: what they cost a worker in memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

from benchmarks.agents.desk import GREETING, MODEL_VARIABLE
from benchmarks.agents.results import Idle
from perdure.testing.target import BackendTarget

if TYPE_CHECKING:
    from pathlib import Path

    from perdure_agent_framework import DurableAgentRunner  # noqa: TID251 - it is what is measured

_REGISTRY = "benchmarks.agents.desk:app"
_AT_ONCE = 16
_WARM_UP = 50


async def idle_conversations(
    runner: DurableAgentRunner, *, url: str, model: str, folder: Path, count: int
) -> Idle:
    """Begin conversations, and see what a worker process of its own has in memory."""
    target = BackendTarget(url, folder=folder)
    environment = {MODEL_VARIABLE: model, "PYTHONPATH": os.getcwd()}
    try:
        worker = await asyncio.to_thread(target.start_worker, _REGISTRY, environment=environment)
        await _begin(runner, [f"warm-{number}" for number in range(_WARM_UP)])
        before = _memory_of(worker.pid)
        await _begin(runner, [f"idle-{number}" for number in range(count)])
        after = _memory_of(worker.pid)
    finally:
        await asyncio.to_thread(target.close)
    return Idle(conversations=count, before_bytes=before, after_bytes=after)


async def _begin(runner: DurableAgentRunner, sessions: list[str]) -> None:
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def begin(session: str) -> None:
        async with at_once:
            await runner.run(GREETING, session_id=session)

    await asyncio.gather(*map(begin, sessions))


def _memory_of(pid: int) -> int:
    """Return what a process has in memory now, in bytes."""
    asked = ["ps", "-o", "rss=", "-p", str(pid)]
    return int(subprocess.run(asked, capture_output=True, text=True, check=True).stdout) * 1024
