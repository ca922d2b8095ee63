"""Cold starts and recoveries: how long a new process takes to get going.

A cold start is a sample from the start of a process, with its interpreter and its imports, to the
result of one activity. Figures: ``seconds_to_connect``, the median until worker and client are
connected.

For a recovery an instance of 20 activities has its eleventh one block; the process is killed with
SIGKILL, and a new one started at once. The sample is from the kill to the first line of the next
activity that runs in the new process. Figures: ``seconds_to_connect`` of the new process after the
kill; ``finished_activities_run_again``, which must be 0; ``cut_off_activity_runs``, 2 if the one
that was cut off ran again. Details: ``runs_of_activities``, how often each of them ran.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perdure_bench.sides.jobs import Job
from perdure_bench.sides.process import SideTimedOutError
from perdure_bench.sides.steps import now, read_steps, steps_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from perdure_bench.bench import Bench
    from perdure_bench.sides.steps import Step

STEPS = 20
BLOCKED = 10
"""Which activity blocks, from 0."""

_ONE_ACTIVITY = Job(shape="chain", size=1)
_LOOK_SECONDS = 0.005
_STILL_SECONDS = 0.3
"""How long after its first line a blocked activity surely is all that goes on."""
_LONGEST_SECONDS = 120.0


def measure_cold_starts(bench: Bench, *, count: int) -> None:
    """Measure some cold starts and keep what was found.

    Raises:
        SideFailedError: A process ended.
        SideTimedOutError: One did not answer in time.
    """
    place, session = bench.place, bench.session
    session.end_sides(bench.cell.backend)
    connected: list[float] = []
    samples: list[float] = []

    def one_start() -> float:
        with session.new_side(place, bench.cell.way) as side:
            side.connect()
            connected.append(side.age_seconds)
            bench.run(_ONE_ACTIVITY, side=side)
            samples.append(side.age_seconds)
            side.disconnect()
        return samples[-1]

    one_start()  # its files are in the system's memory from then on
    connected.clear()
    samples.clear()
    bench.clocked(one_start, rounds=count)
    bench.keep(samples=samples, figures={"seconds_to_connect": statistics.median(connected)})


def measure_recovery(bench: Bench) -> None:
    """Kill a process in the middle of an activity, and keep what was found.

    Raises:
        SideFailedError: A process ended by itself.
        SideTimedOutError: The work was not gone on with in time.
    """
    place, session, way = bench.place, bench.session, bench.cell.way
    session.end_sides(bench.cell.backend)
    file = session.work / f"steps-{session.new_ids(1)[0]}.jsonl"
    variables = steps_environment(file, blocks_at=BLOCKED)
    with session.new_side(place, way, variables=variables) as blocking:
        blocking.connect()
        bench.run(Job(shape="steps", size=STEPS), side=blocking)
        _wait_for(bench, file, lambda steps: any(step.number == BLOCKED for step in steps))
        time.sleep(_STILL_SECONDS)
        old, killed = blocking.pid, now()
        blocking.kill()
    with session.new_side(place, way, variables=steps_environment(file)) as new:
        new.connect()
        connected = now()
        steps = _wait_for(
            bench,
            file,
            lambda steps: any(step.number == STEPS - 1 and step.pid != old for step in steps),
        )
        new.disconnect()
    found = recovery_of(steps, killed_pid=old, killed_at=killed)
    figures = {**found.figures, "seconds_to_connect": connected - killed}
    bench.clocked(lambda: found.seconds, rounds=1)
    bench.keep(samples=[found.seconds], note=found.note, figures=figures, details=found.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """What became of the activities around a kill.

    Attributes:
        seconds: From the kill to the first activity that ran in another process.
        note: What should not have been; nothing if all is well.
        figures: As at the top.
        details: Likewise.
    """

    seconds: float
    note: str
    figures: dict[str, float]
    details: dict[str, list[int]]


def recovery_of(steps: Sequence[Step], *, killed_pid: int, killed_at: float) -> Recovery:
    """Return what the steps of an instance say that was gone on with after a kill."""
    runs = Counter(step.number for step in steps)
    again = sum(runs[number] - 1 for number in range(STEPS) if number != BLOCKED)
    return Recovery(
        seconds=min(step.at for step in steps if step.pid != killed_pid) - killed_at,
        note=f"finished activities ran again: {again}" if again else "",
        figures={"finished_activities_run_again": again, "cut_off_activity_runs": runs[BLOCKED]},
        details={"runs_of_activities": [runs[number] for number in range(STEPS)]},
    )


def _wait_for(bench: Bench, file: Path, is_there: Callable[[list[Step]], bool]) -> list[Step]:
    last = time.monotonic() + _LONGEST_SECONDS
    while time.monotonic() < last:
        steps = read_steps(file)
        if is_there(steps):
            return steps
        time.sleep(_LOOK_SECONDS)
    what = f"go on with a workflow of {STEPS} activities"
    raise SideTimedOutError(side=str(bench.cell), order=what, seconds=_LONGEST_SECONDS)
