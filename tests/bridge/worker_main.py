"""A worker process, to be killed: ``python -m tests.bridge.worker_main ADDRESS RECORD``."""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import perdure
from perdure._program import RegistryProgram
from perdure.spi.bridge import Bridge
from tests.bridge.programs import SDK, once
from tests.bridge.workers import running_worker

app = perdure.App("killed")


@app.activity(retry=once)
async def step(number: int) -> int:
    write("begun", number)
    await asyncio.sleep(0.02)
    write("done", number)
    return number


@app.workflow
async def walk(steps: int) -> list[int]:
    return [await step(number) for number in range(steps)]


@app.workflow
async def spread(steps: int) -> list[int]:
    async with asyncio.timeout(3_600):
        first = await asyncio.gather(*(step(number) for number in range(steps // 2)))
    event = await perdure.wait_for_event("go", int)
    await asyncio.sleep(0.1)
    rest = await asyncio.gather(*(step(number) for number in range(steps // 2, steps)))
    return [*first, event, *rest]


def write(what: str, number: int) -> None:
    """Write down what an activity does, in one piece."""
    info = perdure.current_activity()
    line = f"{what} {info.instance_id} {number} {info.idempotency_key}\n"
    record = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(record, line.encode())
    os.close(record)


def main() -> None:
    """Work until killed."""
    bridge = Bridge(RegistryProgram(app), sdk=SDK)
    with running_worker(sys.argv[1], bridge):
        threading.Event().wait()


if __name__ == "__main__":
    main()
