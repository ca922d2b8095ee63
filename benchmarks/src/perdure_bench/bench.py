"""What a function of a suite has in its hands: one cell, its backend, and the way to measure it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import Found
from perdure_bench.sides.process import SideFailedError, SideTimedOutError
from perdure_bench.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from perdure_bench.cells import Cell
    from perdure_bench.places.place import Place
    from perdure_bench.session import Session
    from perdure_bench.sides.jobs import Job
    from perdure_bench.sides.process import Side
    from perdure_bench.sides.serving import Done
    from perdure_bench.usage import Servers

_LONGEST_SECONDS = 120.0


class _SideClock:
    """A clock that goes on only while a side works, by what the side says that it took."""

    def __init__(self) -> None:
        self.seconds = 0.0


_CLOCK = _SideClock()


def side_seconds() -> float:
    """Return what all jobs of sides have taken so far: the timer of pytest-benchmark.

    So a duration is what the side measured, and what it takes to give an order does not count.
    """
    return _CLOCK.seconds


class Bench:
    """One cell, while it is measured.

    Args:
        cell: Which one.
        session: That of this run.
        benchmark: The fixture of pytest-benchmark.
    """

    def __init__(self, cell: Cell, session: Session, benchmark: Any) -> None:
        self.cell = cell
        self.session = session
        self.benchmark = benchmark

    @property
    def place(self) -> Place:
        """The backend."""
        return self.session.place(self.cell)

    @property
    def side(self) -> Side:
        """The process that does the work of this cell, connected."""
        return self.session.side(self.cell)

    def run(self, job: Job, *, within: float = _LONGEST_SECONDS, side: Side | None = None) -> Done:
        """Have the side do a job once.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer within so many seconds.
        """
        ids = self.session.new_ids(job.instances)
        try:
            return (side or self.side).run(job, ids, within=within)
        except (SideFailedError, SideTimedOutError):
            # What it left running would disturb all that follows.
            self.session.mark_broken(self.cell.backend)
            raise

    def timed(
        self,
        job: Job,
        *,
        rounds: int,
        warm_up_rounds: int = 1,
        within: float = _LONGEST_SECONDS,
        side: Side | None = None,
        after: Callable[[], Mapping[str, float]] | None = None,
        of_each: int = 1,
    ) -> None:
        """Have the side do a job so many times, and keep what was found as this cell's.

        The samples are those of all instances of all rounds that count, in seconds. The figures are
        those of :meth:`measured`, the details the job and the rounds.

        Args:
            job: What it does.
            rounds: How many rounds count.
            warm_up_rounds: How many come before.
            within: How many seconds a round may take.
            side: One of the suite's own; by default the place's for this way.
            after: Is called once all is measured, and gives further figures.
            of_each: Of how many equal parts of an instance a sample is one.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
        """
        for _ in range(warm_up_rounds):
            self.run(job, within=within, side=side)
        counted, figures = self.measured(job, rounds=rounds, within=within, side=side)
        figures.update(after() if after else {})
        samples = [sample / of_each for done in counted for sample in done.samples]
        details = {"job": asdict(job), "rounds": rounds, "of_each": of_each}
        self.keep(samples=samples, figures=figures, details=details)

    def measured(
        self,
        job: Job,
        *,
        rounds: int,
        within: float = _LONGEST_SECONDS,
        side: Side | None = None,
        servers: Servers | None = None,
    ) -> tuple[list[Done], dict[str, float]]:
        """Have the side do a job so many times, and return what it says of each.

        Beside it are the figures of :mod:`perdure_bench.usage`, and ``seconds_per_round``. The
        servers are the place's, unless the suite has its own.

        Raises:
            SideFailedError: It ended.
            SideTimedOutError: It did not answer in time.
        """
        counted: list[Done] = []

        def one_round() -> float:
            counted.append(self.run(job, within=within, side=side))
            return counted[-1].seconds

        with Usage(servers or self.place, side or self.side) as usage:
            self.clocked(one_round, rounds=rounds)
        cpu_seconds = sum(done.cpu_seconds for done in counted)
        figures = usage.figures(rounds=rounds, worker_cpu_seconds=cpu_seconds)
        figures["seconds_per_round"] = sum(done.seconds for done in counted) / rounds
        return counted, figures

    def clocked(self, work: Callable[[], float], *, rounds: int) -> None:
        """Have pytest-benchmark call some work so many times, and take what it returns as seconds.

        It may be called once for each cell.
        """

        def one_round() -> None:
            _CLOCK.seconds += work()

        try:
            self.benchmark.pedantic(one_round, rounds=rounds)
        except KeyboardInterrupt:
            # It does not see this one, and cannot write down a benchmark that has no round.
            self.benchmark.has_error = True
            raise

    def found(self, found: Found) -> None:
        """Keep what this cell gave."""
        self.benchmark.extra_info.update(found.as_json())
        self.session.add(found)

    def keep(self, *, figures: Mapping[str, float] | None = None, **given: Any) -> None:
        """Keep what this cell gave, given as the attributes of :class:`Found`."""
        self.found(replace(Found(cell=self.cell, figures=dict(figures or {})), **given))
