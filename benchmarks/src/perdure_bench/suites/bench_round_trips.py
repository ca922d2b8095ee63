"""Round trips: how many follow each other to the scheduler and back, by pattern.

On two stand-ins of the suite's own, which add 20 ms and 100 ms to each call: what a pattern takes
longer on the second, by 80 ms, is how many round trips follow each other in it. Both add something,
as to wake up after a wait takes time of its own. What disturbs can only add time, so the fastest of
some instances count. Samples are round trips, one for each instance that was slowed more. Figures:

* ``round_trips.total``: those in sequence, of one instance: the count below if the time bears it
  out, else that time's, to the nearest half;
* ``round_trips.measured``: the same by the time alone;
* ``round_trips.counted``: the same by counting the calls that move an instance on, of patterns that
  do one thing at a time;
* ``round_trips.per_step``: what each further step adds by that count, of patterns with several; and
  ``round_trips.per_step_measured``;
* ``calls.…``: calls of each method, and ``sent.…``: what was sent to workers, of one instance.

A note says where count and measurement differ. Details: ``measures``, from when to when;
``modelled``, by where the scheduler is, in seconds; ``words``, which must stand beside those.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from perdure_bench.calls import Calls, calls_on
from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.places.choosing import make_place
from perdure_bench.round_trips import WORDS, doubts, measured, modelled, per_step, total_of
from perdure_bench.sides.jobs import Job
from perdure_bench.sides.process import SideFailedError, SideTimedOutError
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perdure_bench.bench import Bench
    from perdure_bench.places.place import Place
    from perdure_bench.session import Session
    from perdure_bench.sides.process import Side

_LITTLE_SECONDS = 0.02
_MUCH_SECONDS = 0.1
_ROUNDS = 5
_SLOW_ROUNDS = 3
_LONGEST_SECONDS = 60.0
_WHOLE = "from the start to the result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Workload):
    """A pattern.

    Attributes:
        job: What an instance does.
        measures: From when to when.
        outside: The round trips of the calls that come before and after that; ``None`` if calls do
            not follow each other, so that their number says nothing.
    """

    job: Job
    measures: str = _WHOLE
    outside: float | None = 0


def _pattern(name: str, job: Job, **more: object) -> Pattern:
    ways = (PERDURE, NATIVE)
    return Pattern(name=name, job=job, ways=ways, backends=("azure",), passes=1, **more)  # type: ignore[arg-type]  # its attributes


_PATTERNS = (
    _pattern("chain of 1", Job(shape="chain", size=1), in_smoke=True),
    _pattern("chain of 10", Job(shape="chain", size=10)),
    _pattern("fan-out of 10", Job(shape="fan_out", size=10), outside=None),
    # Before: the start and the first turn. After: the activity's answer and the last turn.
    _pattern(
        "event",
        Job(shape="event"),
        measures="from raising an event to the next activity",
        outside=4,
    ),
    # The same, and half a round trip by which the timer's firing comes to the worker, uncalled.
    _pattern(
        "timer",
        Job(shape="timer", size=0.5),
        measures="from the instant of a timer to the next activity",
        outside=3.5,
    ),
    _pattern("3 child workflows", Job(shape="children", size=3)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What was measured of a pattern on one of the stand-ins."""

    samples: list[float]
    calls: Calls


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowed:
    """What was measured of a job on both stand-ins."""

    plain: Timed
    slow: Timed

    @property
    def samples(self) -> list[float]:
        """The round trips of each slowed instance."""
        return [
            measured(
                plain_seconds=min(self.plain.samples),
                slow_seconds=seconds,
                round_trip_seconds=_MUCH_SECONDS - _LITTLE_SECONDS,
            )
            for seconds in self.slow.samples
        ]

    @property
    def round_trips(self) -> float:
        """The least of them."""
        return min(self.samples)


Measured = dict[Job, Timed]

_KEPT: WeakKeyDictionary[Session, dict[str, tuple[list[str], Measured, Measured]]] = (
    WeakKeyDictionary()
)
"""Patterns that were measured ahead, without and with the added round trip: by way."""


@workloads(_PATTERNS)
def bench_round_trips(bench: Bench, workload: Pattern) -> None:
    kept = _KEPT.setdefault(bench.session, {})
    ahead, plain, slow = kept.get(bench.cell.way, ([], {}, {}))
    if workload.name in ahead:
        ahead.remove(workload.name)
    else:
        # Two processes need longer to start than all patterns take: they measure them all.
        others = [] if bench.session.asked.is_smoke else list(_PATTERNS)
        listed = [workload, *(each for each in others if each.name != workload.name)]
        plain = _timed_all(bench, listed, added_seconds=_LITTLE_SECONDS)
        slow = _timed_all(bench, listed, added_seconds=_MUCH_SECONDS)
        done = [each.name for each in listed[1:] if {*_jobs(each)} <= plain.keys() & slow.keys()]
        kept[bench.cell.way] = done, plain, slow
    whole, *one_step = (Slowed(plain=plain[job], slow=slow[job]) for job in _jobs(workload))
    _keep(bench, workload, whole, one_step[0] if one_step else None)


def _jobs(pattern: Pattern) -> list[Job]:
    """Return the job of a pattern; of one with several steps, also that with one step."""
    has_steps = pattern.job.shape in ("chain", "children") and pattern.job.size > 1
    return [pattern.job, *([replace(pattern.job, size=1)] if has_steps else [])]


def _timed_all(bench: Bench, listed: Sequence[Pattern], *, added_seconds: float) -> Measured:
    """Return what the first pattern took, and those after it up to one that fails."""
    rounds = _SLOW_ROUNDS if added_seconds == _MUCH_SECONDS else _ROUNDS
    found: Measured = {}
    with _stand_in(bench, added_seconds) as (place, side):
        for pattern in listed:
            try:
                for job in _jobs(pattern):
                    found[job] = found.get(job) or _timed(bench, job, rounds, place, side)
            except (SideFailedError, SideTimedOutError):
                if pattern is listed[0]:
                    raise
                # It is tried again when its own cell comes, and fails there.
                break
    return found


@contextmanager
def _stand_in(bench: Bench, added_seconds: float) -> Iterator[tuple[Place, Side]]:
    """Give a stand-in of the suite's own, with a side on it."""
    added = f"{added_seconds * 1_000:.0f}ms"
    folder = bench.session.work / f"round-trips-{added}"
    _ = bench.place  # has the conditions noted
    place = make_place("azure", folder, round_trip=added, tell=bench.session.tell)
    try:
        place.fresh()
        with bench.session.new_side(place, bench.cell.way) as side:
            side.connect()
            yield place, side
    finally:
        place.close()


def _timed(bench: Bench, job: Job, rounds: int, place: Place, side: Side) -> Timed:
    def once(job: Job) -> list[float]:
        return side.run(job, bench.session.new_ids(1), within=_LONGEST_SECONDS).samples

    once(replace(job, size=min(job.size, 1)))
    before = calls_on(place)
    samples = [sample for _ in range(rounds) for sample in once(job)]
    return Timed(samples=samples, calls=(calls_on(place) - before).each_of(rounds))


def _keep(bench: Bench, pattern: Pattern, whole: Slowed, one_step: Slowed | None) -> None:
    calls = whole.slow.calls
    counted = None if pattern.outside is None else calls.in_sequence - pattern.outside
    total = total_of(measured=whole.round_trips, counted=counted, looks=calls.looks)
    figures = {
        "round_trips.total": total,
        "round_trips.measured": whole.round_trips,
        **({} if counted is None else {"round_trips.counted": counted}),
        **calls.figures,
    }
    if one_step is not None:
        steps = int(pattern.job.size)
        figures["round_trips.per_step"] = per_step(
            whole=calls.in_sequence, of_one_step=one_step.slow.calls.in_sequence, steps=steps
        )
        figures["round_trips.per_step_measured"] = per_step(
            whole=whole.round_trips, of_one_step=one_step.round_trips, steps=steps
        )
    bench.clocked(lambda: min(whole.slow.samples), rounds=1)
    bench.keep(
        unit="round trips",
        samples=whole.samples,
        figures=figures,
        details={
            "measures": pattern.measures,
            "modelled": [asdict(each) for each in modelled(total)],
            "words": WORDS,
        },
        note=doubts(measured=whole.round_trips, counted=counted, looks=calls.looks),
    )
