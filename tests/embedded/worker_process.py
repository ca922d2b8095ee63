"""A worker in a process of its own: ``python -m tests.embedded.worker_process FILE[?OPTIONS]``."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import perdure
from perdure import Registry
from perdure._program import RegistryProgram
from perdure.embedded import create_backend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

registry = Registry()


@registry.activity
async def process_id(word: str) -> int:
    return os.getpid()


@registry.activity
async def forever() -> None:
    await asyncio.Event().wait()


@registry.workflow
async def ping_pong(rounds: int) -> list[int]:
    pids = []
    for _ in range(rounds):
        pids.append(await process_id(await perdure.wait_for_event("ping", str)))
        perdure.set_custom_status(len(pids))
    return pids


@registry.workflow
async def hang() -> None:
    await forever()


@contextlib.contextmanager
def running(path: Path, options: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run a worker on ``path`` in a process of its own, and kill it in the end."""
    command = [sys.executable, "-m", __name__, f"{path}{options}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


async def main(path: str) -> None:
    """Run until killed."""
    backend = create_backend(f"sqlite:///{path}")
    await backend.open()
    await backend.worker(RegistryProgram(registry)).start()
    print("ready", flush=True)  # noqa: T201 - the parent waits for it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
