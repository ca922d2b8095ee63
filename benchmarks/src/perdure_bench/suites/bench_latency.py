"""Latency: from one thing to the next, with one client and with thirty.

Samples are seconds. With one client, one instance follows the other, for as many seconds in each
pass as a workload says. Of thirty clients each has some instances, one after the other; all begin
at once. ``details`` has the job and the rounds, and ``of_each``, by which what an instance took was
divided. For what cold starts and recoveries give, see :mod:`perdure_bench.restarts`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from perdure_bench import restarts
from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.sides.jobs import Job
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from perdure_bench.bench import Bench

_CLIENTS = (1, 30)
_LEAST_ROUNDS, _MOST_ROUNDS = 3, 150
_COLD_STARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed(Workload):
    """A job, and how long one client has it done in each pass.

    Attributes:
        job: What each instance does.
        seconds: For how long, about; not for fewer than three instances, nor for more than 150.
        times: How many instances each of thirty clients has.
        of_each: Of how many equal parts of the job a sample is one.
    """

    job: Job
    seconds: float = 1.5
    times: int = 3
    of_each: int = 1


WORKLOADS = (
    Timed(
        name="start to first activity",
        job=Job(shape="first_activity"),
        clients=_CLIENTS,
        in_smoke=True,
    ),
    Timed(
        name="chain of 10",
        job=Job(shape="chain", size=10),
        clients=_CLIENTS,
        times=2,
        in_smoke=True,
    ),
    Timed(name="step of a chain of 100", job=Job(shape="chain", size=100), of_each=100),
    Timed(name="event to resume", job=Job(shape="event"), clients=_CLIENTS, seconds=3),
    Timed(name="timer of 0.5 s", job=Job(shape="timer", size=0.5), clients=_CLIENTS, seconds=4),
    Timed(
        name="child workflow, one of 5 in a row",
        job=Job(shape="children", size=5),
        clients=_CLIENTS,
        times=2,
        of_each=5,
    ),
)


@workloads(WORKLOADS)
def bench_latency(bench: Bench, workload: Timed) -> None:
    clients = bench.cell.clients
    times = 1 if clients == 1 else workload.times
    job = replace(workload.job, instances=clients * times, clients=clients)
    # The first instances may wait for a worker that connects.
    bench.run(Job(shape="chain", instances=clients, clients=clients))
    rounds = 1 if clients > 1 else _rounds(bench, workload)
    bench.timed(job, rounds=rounds, warm_up_rounds=0, of_each=workload.of_each)


@workloads((Workload(name="cold start", ways=(PERDURE, NATIVE)),))
def bench_cold_start(bench: Bench, workload: Workload) -> None:
    restarts.measure_cold_starts(bench, count=_COLD_STARTS)


@workloads((Workload(name="recovery after kill", in_smoke=True),))
def bench_recovery(bench: Bench, workload: Workload) -> None:
    try:
        restarts.measure_recovery(bench)
    finally:
        bench.session.mark_broken(bench.cell.backend)  # its servers have seen a worker die


def _rounds(bench: Bench, workload: Timed) -> int:
    """Return how many rounds there is time for."""
    if bench.session.asked.is_smoke:
        return 2
    seconds = bench.run(workload.job).seconds
    return min(_MOST_ROUNDS, max(_LEAST_ROUNDS, math.ceil(workload.seconds / seconds)))
