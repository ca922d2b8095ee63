"""What the marks of the charts stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.report.blocks import Key
from perdure_bench.report.charts.canvas import series_number
from perdure_bench.report.measurements import unique
from perdure_bench.report.words import backend_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.report.measurements import Measurement

_WAYS = {
    PERDURE: ("circle", "perdure at its defaults"),
    FASTEST: ("diamond", "perdure at its fastest"),
    NATIVE: ("square", "the vendor's own SDK"),
}


def series(shown: Sequence[Measurement]) -> tuple[Key, ...]:
    """Return the keys of backends, which have colours, and ways, which have shapes."""
    backends = [
        Key(mark=f"colour-{series_number(backend)}", words=backend_name(backend))
        for backend in unique(each.cell.backend for each in shown)
    ]
    ways = {each.cell.way for each in shown}
    return (
        *backends,
        *(Key(mark=mark, words=words) for way, (mark, words) in _WAYS.items() if way in ways),
    )
