"""A scene of its own process: a sidecar whose state store has no room, and then has.

``python -m dapr_kit.full_disk SMALL FOLDER``: SMALL is a small disk, FOLDER is for the stack.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from datetime import timedelta
from pathlib import Path

import perdure
from perdure_dapr.stack import DaprStack

_SIZE = 50_000
_COUNT = 2
_PATIENCE = timedelta(seconds=60)


async def play(url: str, small: Path) -> dict[str, object]:
    """Return what the starts on the full disk said, and what all instances came to later."""
    app = perdure.App("full", backend=url, payloads="inline://")

    @app.activity(name="full_disk_size")
    async def size(text: str) -> int:
        return len(text)

    @app.workflow(name="full_disk_keep")
    async def keep(text: str) -> int:
        return await size(text + await perdure.wait_for_event("more", str))

    async with app.run() as client:
        early = await client.start(keep, "x", instance_id="early")
        ballast = small / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        errors = []
        for number in range(_COUNT):
            try:
                await client.start(keep, "x" * _SIZE, instance_id=f"i{number}")
            except perdure.BackendUnavailableError as error:
                errors.append(str(error))
        ballast.unlink()
        starts = [
            client.start(keep, "x" * _SIZE, instance_id=f"i{number}", if_exists="attach")
            for number in range(_COUNT)
        ]
        handles = [early, *await asyncio.gather(*starts)]
        for handle in handles:
            await handle.raise_event("more", "y")
        return {
            "errors": errors,
            "results": [await handle.result(timeout=_PATIENCE) for handle in handles],
        }


def main() -> None:
    """Play the scene and print what came of it."""
    small, folder = map(Path, sys.argv[1:])
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "workflows.db").symlink_to(small / "workflows.db")
    with DaprStack(folder) as stack:
        print(json.dumps(asyncio.run(play(stack.url, small))))  # noqa: T201 - its answer


if __name__ == "__main__":
    main()
