"""Measuring in pairs: one side right after the other, in an order drawn anew for each pair.

Only one side is connected at a time, as a server may give any worker's work to any other. Both
processes live on in between, so that they are warm; after each connect a small job comes first,
which is not counted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING, Protocol

from benchmarks.beside.results import Footprint, Measured, Sample, Spent
from benchmarks.beside.workloads import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from benchmarks.beside.side import Side
    from benchmarks.beside.workloads import Workload

SETTLING = Job(shape="chain", size=10)
WORKER = "worker"


class Servers(Protocol):
    """What runs for both sides, and what can be asked of it while one of them is connected."""

    def spent(self) -> dict[str, Spent]:
        """Return what each process has spent since it began, by name."""

    def footprint(self, instance_id: str) -> Footprint:
        """Return what an instance has left."""

    def forget(self, instance_ids: Sequence[str]) -> None:
        """Remove finished instances, so that the next side finds things as this one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestants:
    """How to have a process of each side."""

    ours: Callable[[], AbstractContextManager[Side]]
    theirs: Callable[[], AbstractContextManager[Side]]


class Pairing:
    """Measures workloads, one after the other.

    Args:
        contestants: The sides.
        servers: What they share.
        seed: Of the order within pairs.
        tell: Takes a line for each pair.
    """

    def __init__(
        self,
        contestants: Contestants,
        servers: Servers,
        *,
        seed: int,
        tell: Callable[[str], None],
    ) -> None:
        self._contestants = contestants
        self._servers = servers
        self._drawing = random.Random(seed)
        self._tell = tell
        self._started = 0

    def measure(self, workload: Workload) -> Measured:
        """Return all pairs of a workload.

        Raises:
            SideFailedError: A side's process ended.
        """
        ours: list[Sample] = []
        theirs: list[Sample] = []
        with self._contestants.ours() as our_side, self._contestants.theirs() as their_side:
            for number in range(-workload.warm_up_pairs, workload.pairs):
                found: dict[bool, Sample] = {}
                for is_ours in self._drawing.sample((True, False), k=2):
                    found[is_ours] = (
                        self._cold(workload, is_ours=is_ours)
                        if workload.is_cold
                        else self._warm(workload, our_side if is_ours else their_side)
                    )
                if number >= 0:
                    ours.append(found[True])
                    theirs.append(found[False])
                self._tell(
                    f"{workload.name}, pair {number + 1}: "
                    f"{found[True].seconds:.4f} s beside {found[False].seconds:.4f} s"
                )
        return Measured(
            name=workload.name,
            repeats=workload.repeats,
            most=workload.most,
            ours=ours,
            theirs=theirs,
        )

    def _warm(self, workload: Workload, side: Side) -> Sample:
        side.connect()
        settling = self._new_ids(SETTLING)
        side.run(SETTLING, settling)
        self._servers.forget(settling)
        before = self._servers.spent()
        ids = [self._new_ids(workload.job) for _ in range(workload.repeats)]
        done = [side.run(workload.job, each) for each in ids]
        after = self._servers.spent()
        worker = Spent(
            cpu_seconds=mean(each.cpu_seconds for each in done),
            memory_bytes=done[-1].memory_bytes,
        )
        footprint = self._servers.footprint(ids[-1][-1])
        for each in ids:
            self._servers.forget(each)
        side.disconnect()
        return Sample(
            seconds=median(each.seconds for each in done),
            spent={**_difference(before, after, jobs=workload.repeats), WORKER: worker},
            footprint=footprint,
        )

    def _cold(self, workload: Workload, *, is_ours: bool) -> Sample:
        ids = self._new_ids(workload.job)
        before = self._servers.spent()
        contestants = self._contestants
        with contestants.ours() if is_ours else contestants.theirs() as side:
            side.connect()
            done = side.run(workload.job, ids)
            seconds = side.age_seconds
            after = self._servers.spent()
            footprint = self._servers.footprint(ids[-1])
            self._servers.forget(ids)
            side.disconnect()
        worker = Spent(cpu_seconds=done.cpu_seconds, memory_bytes=done.memory_bytes)
        return Sample(
            seconds=seconds,
            spent={**_difference(before, after, jobs=1), WORKER: worker},
            footprint=footprint,
        )

    def _new_ids(self, job: Job) -> list[str]:
        first = self._started
        self._started += job.instances
        return [f"bench-{number}" for number in range(first, self._started)]


def _difference(
    before: dict[str, Spent], after: dict[str, Spent], *, jobs: int
) -> dict[str, Spent]:
    return {
        name: Spent(
            cpu_seconds=(spent.cpu_seconds - before[name].cpu_seconds) / jobs,
            memory_bytes=spent.memory_bytes,
        )
        for name, spent in after.items()
    }
