"""A worker in a process of its own: ``python -m perdure.testing.worker_process module:registry``.

``PERDURE_BACKEND`` says where, ``PERDURE_CRASH_POINT`` when it kills itself.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.app import App
from perdure.config import (
    BACKEND_VARIABLE,
    DEFAULT_BACKEND,
    PAYLOADS_VARIABLE,
    configure_logging,
)
from perdure.testing import crash_points
from perdure.testing.target import load_attribute, load_factory

if TYPE_CHECKING:
    from perdure._program import RegistryProgram
    from perdure.clock import Clock
    from perdure.registry import Registry
    from perdure.spi.backend import Backend

_DRAIN = timedelta(seconds=10)


class _WorkerApp(App):
    """An app whose program passes the crash points."""

    def _make_program(self, clock: Clock) -> RegistryProgram:
        if not crash_points.is_armed():
            return super()._make_program(clock)
        from perdure.testing.crashing_program import CrashingProgram

        return CrashingProgram(self, clock=clock)


def main() -> None:
    """Run a worker until SIGTERM, SIGKILL, its crash point, or the end of its parent."""
    parser = argparse.ArgumentParser(prog="perdure.testing.worker_process")
    parser.add_argument("registry", help="module:attribute of the registry to run")
    parser.add_argument("--factory", help="module:attribute of what makes the backend")
    parser.add_argument("--ready", type=Path, help="a file to make once the backend knows us")
    options = parser.parse_args()
    threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
    configure_logging("info")
    asyncio.run(_work(_make_app(options.registry, options.factory), options.ready))


def _make_app(registry: str, factory: str | None) -> App:
    value = os.environ.get(BACKEND_VARIABLE, DEFAULT_BACKEND)

    def make(url: str, *, clock: Clock | None = None) -> Backend:
        del url  # a callable is not told the setting
        return load_factory(factory, url=value)(value, clock=clock)

    payloads = os.environ.get(PAYLOADS_VARIABLE) or None
    app = _WorkerApp("worker-process", backend=make, payloads=payloads)
    held: Registry = load_attribute(registry)
    app.include(held)
    return app


async def _work(app: App, ready: Path | None) -> None:
    async with app.worker(drain_timeout=_DRAIN) as worker:
        if ready is not None:
            ready.touch()  # noqa: ASYNC240 - one file, once
        await worker.wait()


def _follow_parent(parent: int) -> None:
    # A test run that was itself killed must not leave its workers behind.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    main()
