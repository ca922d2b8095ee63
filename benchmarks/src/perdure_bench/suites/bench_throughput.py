"""Throughput and scale: long chains, wide fan-outs, many instances at once, and many that wait.

Samples are activities per second, one for each round: all activities of the round by the seconds
from its first start to its last result. ``seconds_per_round`` is among the figures, with what each
process spent (see :mod:`perdure_bench.usage`); the details have the job, the rounds and
``activities_per_round``. What waiting instances give is told at :mod:`perdure_bench.waiting`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from perdure_bench import waiting
from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.sides.jobs import Job
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from perdure_bench.bench import Bench

_WARM_UP = Job(shape="chain", size=10)
_COUNT = 1_000
_COUNT_IN_SMOKE = 50
_LONGEST_SECONDS = 500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Workload):
    """A job, of which the activities are counted.

    Attributes:
        job: What is done in each round.
        rounds: How many rounds count.
    """

    job: Job
    rounds: int = 1


WORKLOADS = (
    Counted(name="chain of 100", job=Job(shape="chain", size=100), rounds=2, in_smoke=True),
    # Over half a minute on each server, and what perdure at its fastest saves is seen above.
    Counted(
        name="chain of 1,000",
        job=Job(shape="chain", size=1_000),
        ways=(PERDURE, NATIVE),
        passes=1,
    ),
    Counted(name="fan-out of 100", job=Job(shape="fan_out", size=100), rounds=5),
    Counted(name="fan-out of 1,000", job=Job(shape="fan_out", size=1_000)),
    Counted(
        name="200 chains of 10 at once",
        job=Job(shape="chain", size=10, instances=200, clients=200),
    ),
)


@workloads(WORKLOADS)
def bench_throughput(bench: Bench, workload: Counted) -> None:
    bench.run(_WARM_UP)
    counted, figures = bench.measured(workload.job, rounds=workload.rounds, within=_LONGEST_SECONDS)
    activities = int(workload.job.size) * workload.job.instances
    bench.keep(
        unit="1/s",
        samples=[activities / done.seconds for done in counted],
        figures=figures,
        details={
            "job": asdict(workload.job),
            "rounds": workload.rounds,
            "activities_per_round": activities,
        },
    )


WAITING = Workload(
    name=f"{_COUNT:,} instances that wait", ways=(PERDURE, NATIVE), in_smoke=True, passes=1
)


@workloads((WAITING,))
def bench_waiting(bench: Bench, workload: Workload) -> None:
    count = _COUNT_IN_SMOKE if bench.session.asked.is_smoke else _COUNT
    note = f"{count} only, to see that it works" if count < _COUNT else ""
    waiting.measure(bench, count=count, note=note)
