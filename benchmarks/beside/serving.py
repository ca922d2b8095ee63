"""A side's process: does what it is told on its standard input, a line of JSON at a time."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from benchmarks.beside.workloads import Job

if TYPE_CHECKING:
    from collections.abc import Sequence


class Subject(Protocol):
    """One side: a worker and a client in one process, on one event loop."""

    async def connect(self) -> None:
        """Connect the client, and a worker that is ready when this returns."""

    async def run(self, job: Job, instance_ids: Sequence[str]) -> list[int]:
        """Start the instances at once, wait for all, and return their results."""

    async def disconnect(self) -> None:
        """Stop the worker and the client, and keep the process warm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one run of a job took.

    Attributes:
        seconds: From the first start to the last result, by the client's clock.
        cpu_seconds: What the process spent meanwhile, worker and client.
        memory_bytes: The most that the process has had in memory.
    """

    seconds: float
    cpu_seconds: float
    memory_bytes: int


def serve(subject: Subject) -> None:
    """Obey until the standard input ends.

    Raises:
        ValueError: A result is wrong; a figure of such a run would mean nothing.
    """
    asyncio.run(_serve(subject))


async def _serve(subject: Subject) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        match order["do"]:
            case "connect":
                await subject.connect()
                _answer({})
            case "disconnect":
                await subject.disconnect()
                _answer({})
            case "run":
                _answer(asdict(await _run(subject, Job(**order["job"]), order["ids"])))
            case unknown:
                raise ValueError(f"no such order: {unknown!r}")


async def _run(subject: Subject, job: Job, instance_ids: Sequence[str]) -> Done:
    cpu_before, began = time.process_time(), time.perf_counter()
    results = await subject.run(job, instance_ids)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    if wrong := [result for result in results if result != job.expected]:
        raise ValueError(f"{job} gave {wrong[0]!r} instead of {job.expected}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts in bytes, Linux in KiB.
    unit = 1 if sys.platform == "darwin" else 1_024
    return Done(seconds=seconds, cpu_seconds=cpu_seconds, memory_bytes=memory * unit)


def _answer(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()
