"""One instance at a time.

A step, chains, fan-outs, payloads. Each step is committed before its successor starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import floor, programs

if TYPE_CHECKING:
    from collections.abc import Callable

    from perdure import SyncClient


def _rounds(steps: int) -> int:
    return max(3, min(30, 3_000 // steps))


@pytest.mark.parametrize("steps", [1, 10, 100, 1_000, 10_000])
def bench_chain(
    benchmark: Any, client: SyncClient, beside: Callable[..., None], steps: int
) -> None:
    """A chain of ``async def`` activities, from the client's call to its result."""
    beside(floor.chain, operations=steps, steps=steps)
    benchmark.pedantic(
        lambda: client.start(programs.chain, steps).result(), rounds=_rounds(steps), warmup_rounds=1
    )


@pytest.mark.parametrize("steps", [100])
def bench_chain_in_threads(
    benchmark: Any, client: SyncClient, beside: Callable[..., None], steps: int
) -> None:
    """A chain of ``def`` activities."""
    beside(floor.chain, operations=steps, steps=steps)
    benchmark.pedantic(
        lambda: client.start(programs.chain_in_threads, steps).result(), rounds=10, warmup_rounds=1
    )


@pytest.mark.parametrize("width", [100, 1_000])
def bench_fan_out(
    benchmark: Any, client: SyncClient, beside: Callable[..., None], width: int
) -> None:
    """Activities all at once."""
    beside(floor.fan_out, operations=width, width=width)
    benchmark.pedantic(
        lambda: client.start(programs.fan_out, width).result(),
        rounds=_rounds(width),
        warmup_rounds=1,
    )


@pytest.mark.parametrize(
    "size", [1_024, 102_400, 1_048_576, 8_388_608], ids=["1KB", "100KB", "1MB", "8MB"]
)
def bench_payload(
    benchmark: Any, client: SyncClient, beside: Callable[..., None], size: int
) -> None:
    """A text through a workflow and one activity and back."""
    beside(floor.payload, size=size)
    text = "x" * size
    benchmark.pedantic(
        lambda: client.start(programs.carry, text).result(),
        rounds=5 if size > 1_000_000 else 20,
        warmup_rounds=1,
    )
