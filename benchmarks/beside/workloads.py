"""What is measured on both sides: empty ``async`` activities, so that the way to them is left."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Shape = Literal["chain", "fan_out"]

STARTS_AT_ONCE = 16
"""How many starts a side has under way: with 200, SQLite as a state store refuses some as busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a side does at one go: from the client's first start to its last result.

    Attributes:
        shape: Whether activities run one after the other or all at once.
        size: How many activities an instance has.
        instances: How many instances run at once.
    """

    shape: Shape
    size: int
    instances: int = 1

    @property
    def expected(self) -> int:
        """The result of each instance."""
        return self.size - 1 if self.shape == "chain" else self.size * (self.size - 1) // 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How a job is measured.

    Attributes:
        name: For people.
        job: What is done.
        pairs: How many pairs are counted.
        repeats: How often a side does the job in each pair; the sample is the median.
        warm_up_pairs: How many pairs come before, and are not counted.
        most: The most that the upper bound of the ratio may be; ``None`` where it is reported only.
        is_cold: Whether each sample is of a fresh process, from its start.
    """

    name: str
    job: Job
    pairs: int
    repeats: int = 1
    warm_up_pairs: int = 2
    most: float | None = None
    is_cold: bool = False


WORKLOADS = (
    Workload(name="chain of 1", job=Job(shape="chain", size=1), pairs=20, repeats=15),
    Workload(name="chain of 10", job=Job(shape="chain", size=10), pairs=24, repeats=7, most=1.10),
    Workload(name="chain of 100", job=Job(shape="chain", size=100), pairs=24, most=1.10),
    Workload(name="chain of 1,000", job=Job(shape="chain", size=1_000), pairs=3, warm_up_pairs=0),
    Workload(
        name="fan-out of 100", job=Job(shape="fan_out", size=100), pairs=24, repeats=3, most=1.15
    ),
    Workload(
        name="fan-out of 1,000", job=Job(shape="fan_out", size=1_000), pairs=7, warm_up_pairs=1
    ),
    Workload(
        name="start-up",
        job=Job(shape="chain", size=1),
        pairs=15,
        warm_up_pairs=1,
        is_cold=True,
    ),
    Workload(
        name="200 chains of 10 at once",
        job=Job(shape="chain", size=10, instances=200),
        pairs=7,
        warm_up_pairs=1,
    ),
)


def scaled(workload: Workload, *, pairs: int) -> Workload:
    """Return ``workload`` with at most so many pairs."""
    return replace(
        workload,
        pairs=min(pairs, workload.pairs),
        warm_up_pairs=min(1, workload.warm_up_pairs),
    )
