"""What is measured of one instance, the same for all sides.

Activities note when their first line runs by this process' clock: worker and client are one
process.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perdure_bench.sides.jobs import Job
    from perdure_bench.sides.serving import Subject

WAITING: set[str] = set()
"""The instances whose workflow has come to its wait; the workflow itself adds them."""

_LOOK_SECONDS = 0.02
_TURN_SECONDS = 0.1
"""How long after that the backend surely has what it needs to know of the wait."""


async def timed(
    subject: Subject, job: Job, instance_id: str, *, starting: asyncio.Semaphore
) -> float:
    """Run one instance; return the seconds that count.

    Args:
        subject: What runs it.
        job: What it is a part of.
        instance_id: Its id.
        starting: Is held while it is started.

    Raises:
        ValueError: Its result is wrong.
    """
    began = time.perf_counter()
    async with starting:
        await subject.start(job.shape, job.size, instance_id)
    if job.shape in ("event", "idle"):
        await _waits(instance_id)
    if job.shape in ("idle", "steps"):
        return time.perf_counter() - began
    if job.shape == "event":
        await asyncio.sleep(_TURN_SECONDS)
        began = time.perf_counter()
        await subject.raise_event(instance_id)
    result = await subject.result(instance_id)
    if job.shape in ("first_activity", "event"):
        return result - began
    if job.shape == "timer":
        return result
    if result != job.expected:
        raise ValueError(f"{job} gave {result!r} instead of {job.expected}")
    return time.perf_counter() - began


def late_by(due: float) -> float:
    """Return how many seconds ago ``due`` was, which is of the wall clock."""
    return time.time() - due


def first_line() -> float:
    """Return the instant at which an activity runs."""
    return time.perf_counter()


async def _waits(instance_id: str) -> None:
    while instance_id not in WAITING:  # noqa: ASYNC110 - a workflow may run in a thread
        await asyncio.sleep(_LOOK_SECONDS)
