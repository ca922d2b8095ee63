"""The cells of a run, put together over its passes, and what may be told of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from statistics import median, quantiles
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.report.words import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perdure_bench.cells import Cell, Found
    from perdure_bench.run_folder import Run

AZURE = "azure"
_BACKENDS = ("embedded", "dapr", AZURE)
_WAYS = (PERDURE, FASTEST, NATIVE)
_FIRST_WORKLOADS = ("start", "cold", "single", "chain", "fan", "event", "timer")
LEAST_FOR_P95 = 20
LEAST_FOR_P99 = 100
"""With fewer samples there is no such percentile to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """All passes of one cell that gave something.

    Attributes:
        cell: Which one; its pass is 0.
        unit: Of the samples.
        passes: The samples of each pass, by its number.
        figures: The median of each figure over the passes.
        details: Those of the last pass.
        notes: What there is to know of it.
    """

    cell: Cell
    unit: str
    passes: dict[int, list[float]]
    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def samples(self) -> list[float]:
        """All samples of all passes, sorted."""
        return sorted(sample for samples in self.passes.values() for sample in samples)

    @property
    def median(self) -> float | None:
        """The middle one, if there are any."""
        return median(self.samples) if self.samples else None

    def percentile(self, percent: int) -> float | None:
        """Return a percentile; ``None`` if there are too few samples to tell."""
        samples = self.samples
        least = {95: LEAST_FOR_P95, 99: LEAST_FOR_P99}.get(percent, 2)
        if len(samples) < least:
            return samples[0] if samples and percent == 50 else None
        return quantiles(samples, n=100, method="inclusive")[percent - 1]


class Measurements:
    """What a run has, by cell.

    Args:
        run: As it was read.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        good: dict[Cell, list[Found]] = defaultdict(list)
        self.failed: list[Found] = []
        for found in run.cells:
            if found.status == "ok":
                good[replace(found.cell, number=0)].append(found)
            else:
                self.failed.append(found)
        made = [_measurement(cell, listed) for cell, listed in good.items()]
        self.all = sorted(made, key=lambda each: cell_order(each.cell))

    def of(self, *suites: str) -> list[Measurement]:
        """Return those of some suites, in order."""
        return [each for each in self.all if each.cell.suite in suites]

    def beside(self, measurement: Measurement, *, way: str) -> Measurement | None:
        """Return what the same work gave in another way."""
        wanted = replace(measurement.cell, way=way)
        return next((each for each in self.all if each.cell == wanted), None)

    @property
    def backends(self) -> list[str]:
        """All that gave something, in order."""
        return unique(each.cell.backend for each in sorted(self.all, key=_by_backend))

    def is_stand_in(self, backend: str) -> bool:
        """Return whether times of a backend are not those of the service whose name it has."""
        conditions = self.run.backends.get(backend, {})
        return backend == AZURE and conditions.get("is_stand_in") != "no"

    def has_times(self, measurement: Measurement) -> bool:
        """Return whether its times may be shown as they are."""
        return not self.is_stand_in(measurement.cell.backend)


def unique(listed: Iterable[str]) -> list[str]:
    """Return each once, as they come."""
    return list(dict.fromkeys(listed))


def by_workload(listed: Sequence[Measurement]) -> dict[str, list[Measurement]]:
    """Return them by workload, in order."""
    found: dict[str, list[Measurement]] = defaultdict(list)
    for each in listed:
        found[each.cell.workload].append(each)
    return dict(found)


def cell_order(cell: Cell) -> tuple[Any, ...]:
    """Return the key by which cells are in the order that every table and chart has."""
    word = cell.workload.partition(" ")[0].partition("-")[0]
    return (
        cell.suite,
        _position(word, _FIRST_WORKLOADS),
        natural(cell.workload),
        cell.clients,
        _position(cell.backend, _BACKENDS),
        cell.backend,
        _position(cell.way, _WAYS),
        cell.way,
    )


def _by_backend(measurement: Measurement) -> tuple[int, str]:
    backend = measurement.cell.backend
    return _position(backend, _BACKENDS), backend


def _position(word: str, known: tuple[str, ...]) -> int:
    return known.index(word) if word in known else len(known)


def _measurement(cell: Cell, listed: Sequence[Found]) -> Measurement:
    names = unique(name for found in listed for name in found.figures)
    return Measurement(
        cell=cell,
        unit=listed[-1].unit,
        passes={found.cell.number: found.samples for found in listed if found.samples},
        figures={
            name: median(found.figures[name] for found in listed if name in found.figures)
            for name in names
        },
        details=listed[-1].details,
        notes=unique(found.note for found in listed if found.note),
    )
