"""Runs made up of cells, as a run's folder gives them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import Cell, Found
from perdure_bench.run_folder import Noise, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

MACHINE = {"processors": "2, made up", "Python": "3.11.7", "perdure": "0.1.0"}
BACKENDS = {"dapr": {"durability": "state store sqlite"}}


def run_of(cells: Sequence[Found], **given: Any) -> Run:
    """Return a run under the conditions that all have here, but for what is given."""
    asked = {"backends": ["dapr"], "is_smoke": False, "round_trip": None}
    noise = [Noise(number=1, spread=0.01, stolen=0.0)]
    return Run(
        **{"asked": asked, "machine": MACHINE, "backends": BACKENDS, "noise": noise, **given},
        cells=list(cells),
    )


def passes_of(
    seconds: float,
    *,
    spread: float = 0.01,
    passes: int = 3,
    count: int = 20,
    seed: int = 0,
    **cell: Any,
) -> list[Found]:
    """Return the passes of one measurement, whose samples lie around so many seconds."""
    drawing = random.Random(seed)
    whole: dict[str, Any] = {
        "suite": "latency",
        "workload": "chain of 10",
        "backend": "dapr",
        "way": "perdure",
        **cell,
    }
    return [
        Found(
            cell=Cell(**whole, number=number),
            samples=[seconds * drawing.uniform(1 - spread, 1 + spread) for _ in range(count)],
        )
        for number in range(1, passes + 1)
    ]
