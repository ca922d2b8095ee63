"""A side's process: does what it is told on its standard input, a line of JSON at a time.

Its standard input ends when the measuring process does, however that ends, and the side with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from perdure_bench.sides.jobs import Job
from perdure_bench.sides.timing import timed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from perdure_bench.sides.jobs import Shape

    Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

_STARTS_AT_ONCE = 32
"""How many starts are under way: with 200, SQLite as Dapr's state store refuses some as busy. All
of 30 clients start when they want to."""

_END_SECONDS = 5.0
_READ_BYTES = 1 << 16


class Subject(Protocol):
    """One side: a worker and a client in one process, on one event loop."""

    async def connect(self) -> None:
        """Connect the client, and a worker that is ready when this returns."""

    async def start(self, shape: Shape, size: float, instance_id: str) -> None:
        """Start an instance; return once the backend has taken it."""

    async def result(self, instance_id: str) -> float:
        """Wait for an instance to end, and return its result."""

    async def raise_event(self, instance_id: str) -> None:
        """Raise the event that an instance waits for; return once the backend has taken it."""

    async def disconnect(self) -> None:
        """Stop the worker and the client, and keep the process warm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a job took.

    Attributes:
        seconds: From the first start to the last result, by the client's clock.
        samples: What was measured of each instance, in seconds, as the job's shape says.
        cpu_seconds: What the process spent meanwhile, worker and client.
    """

    seconds: float
    samples: list[float]
    cpu_seconds: float


def serve(subject: Subject, *, more: Mapping[str, Answer] = MappingProxyType({})) -> None:
    """Obey until the standard input ends.

    Args:
        subject: What does it.
        more: Orders of a suite's own, by name: each is given what the order says, and its answer
            is an object of JSON.

    Raises:
        ValueError: A result is wrong; a figure of such a run would mean nothing.
    """
    asyncio.run(_serve(subject, more))


async def _serve(subject: Subject, more: Mapping[str, Answer]) -> None:
    orders: asyncio.Queue[bytes | None] = asyncio.Queue()
    reading = (asyncio.get_running_loop(), orders)
    threading.Thread(target=_read_orders, args=reading, daemon=True).start()
    while (line := await orders.get()) is not None:
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
            case other if other in more:
                _answer(await more[other](order))
            case unknown:
                raise ValueError(f"no such order: {unknown!r}")


async def _run(subject: Subject, job: Job, instance_ids: Sequence[str]) -> Done:
    under_way = asyncio.Semaphore(job.clients)
    starting = asyncio.Semaphore(_STARTS_AT_ONCE)

    async def one(instance_id: str) -> float:
        async with under_way:
            return await timed(subject, job, instance_id, starting=starting)

    cpu_before, began = time.process_time(), time.perf_counter()
    samples = await asyncio.gather(*(one(instance_id) for instance_id in instance_ids))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_before
    return Done(seconds=seconds, samples=samples, cpu_seconds=cpu_seconds)


def _read_orders(loop: asyncio.AbstractEventLoop, orders: asyncio.Queue[bytes | None]) -> None:
    """Hand on each line; at the end of them, have the process end, whatever it is stuck in."""
    # Not sys.stdin, whose lock a thread that waits for a line would hold when the process ends.
    read = b""
    while piece := os.read(0, _READ_BYTES):
        *lines, read = (read + piece).split(b"\n")
        for line in lines:
            loop.call_soon_threadsafe(orders.put_nowait, line)
    with contextlib.suppress(RuntimeError):  # the loop was closed: it ends by itself
        loop.call_soon_threadsafe(orders.put_nowait, None)
    time.sleep(_END_SECONDS)
    os._exit(1)


def _answer(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()
