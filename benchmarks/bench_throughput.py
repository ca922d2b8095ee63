"""Many instances at once: group commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from benchmarks import floor, programs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from perdure import Client

_WORKFLOWS = 200
_STEPS = 10


def bench_200_workflows_of_10_steps(
    benchmark: Any, tmp_path: Path, beside: Callable[..., None]
) -> None:
    """From the first start to the last result, by the asynchronous client."""
    beside(floor.grouped, operations=_WORKFLOWS * _STEPS, workflows=_WORKFLOWS, steps=_STEPS)
    opened = programs.app(tmp_path / "perdure.db").run()

    async def run(client: Client) -> None:
        handles = await asyncio.gather(
            *(client.start(programs.chain, _STEPS) for _ in range(_WORKFLOWS))
        )
        await asyncio.gather(*(handle.result() for handle in handles))

    with asyncio.Runner() as runner:
        client = runner.run(opened.__aenter__())
        try:
            benchmark.pedantic(lambda: runner.run(run(client)), rounds=9, warmup_rounds=1)
        finally:
            runner.run(opened.__aexit__(None, None, None))
