"""What the benchmarks share.

A client on a fresh file, and the floor measured beside each figure.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perdure import SyncClient

_FLOOR_ROUNDS = 5


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SyncClient]:
    """A client, and a worker beside it, on a fresh file."""
    with programs.app(tmp_path / "perdure.db").run() as opened:
        assert opened.start(programs.chain, 1).result() == 0  # the first call imports and compiles
        yield opened


@pytest.fixture
def beside(benchmark: Any, tmp_path: Path) -> Callable[..., None]:
    """Measure a floor in the same run, and note it beside the figure."""

    def measure(floor: Callable[..., float], *, operations: int = 1, **kwargs: int) -> None:
        seconds = [floor(tmp_path / f"floor{n}.db", **kwargs) for n in range(_FLOOR_ROUNDS)]
        benchmark.extra_info["floor_seconds"] = median(seconds)
        benchmark.extra_info["operations"] = operations
        benchmark.extra_info["durability"] = "WAL, synchronous=FULL"

    return measure
