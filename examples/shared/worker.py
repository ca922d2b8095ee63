"""A worker process of a demo: ``python -m examples.shared.worker MODULE`` runs the app there.

It runs until its standard input closes, as it does when whoever started it ends, however that ends.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import perdure


async def work(app: perdure.App) -> None:
    """Run a worker until standard input closes, then drain it."""
    async with app.worker() as worker:
        loop = asyncio.get_running_loop()

        def wait_for_the_end() -> None:
            while os.read(sys.stdin.fileno(), 1_024):
                pass
            loop.call_soon_threadsafe(worker.stop)

        threading.Thread(target=wait_for_the_end, daemon=True).start()
        await worker.wait()


if __name__ == "__main__":
    asyncio.run(work(importlib.import_module(sys.argv[1]).app))
