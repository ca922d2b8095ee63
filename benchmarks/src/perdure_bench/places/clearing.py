"""Removes the instances of one run from a backend: ``python -m`` this module, with their prefix.

A worker of perdure's is there meanwhile, since a scheduler has a worker end what is terminated.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from perdure.errors import InstanceFinishedError, InstanceNotFoundError, PerdureError
from perdure_bench.sides.perdure_side import app

if TYPE_CHECKING:
    from perdure import Client

_AT_ONCE = 16
_TRIES = 5


async def clear(id_prefix: str) -> int:
    """Terminate and purge all instances whose ids begin so; return how many stay."""
    async with app.run() as client:
        for _ in range(_TRIES):
            found = [info async for info in client.list(id_prefix=id_prefix, page_size=1_000)]
            if not found:
                return 0
            at_once = asyncio.Semaphore(_AT_ONCE)
            active = [info.instance_id for info in found if not info.status.is_terminal]
            await asyncio.gather(*(_end(client, each, at_once) for each in active))
            await client.purge(id_prefix=id_prefix)
        return len(found)


async def _end(client: Client, instance_id: str, at_once: asyncio.Semaphore) -> None:
    async with at_once:
        with contextlib.suppress(InstanceFinishedError, InstanceNotFoundError):
            await client.get(None, instance_id).terminate(reason="the benchmark is over")


def main(id_prefix: str) -> str:
    """Clear a backend; return what is wrong, or nothing."""
    try:
        left = asyncio.run(clear(id_prefix))
    except PerdureError as error:
        return f"{type(error).__name__}: {error}"
    return f"{left} instances {id_prefix}… stay" if left else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
