"""For authors of backends.

The seam, the neutral history and the values that cross it. Versioned by ``SPI_VERSION``.
"""

from __future__ import annotations

from perdure.spi.backend import (
    SPI_VERSION,
    Backend,
    BackendWorker,
    Capability,
    Health,
    InstanceFilter,
    InstancePage,
    StartRequest,
)
from perdure.spi.program import ActivityOutcome, ActivityTask, Executor, Program

__all__ = [
    "SPI_VERSION",
    "ActivityOutcome",
    "ActivityTask",
    "Backend",
    "BackendWorker",
    "Capability",
    "Executor",
    "Health",
    "InstanceFilter",
    "InstancePage",
    "Program",
    "StartRequest",
]
