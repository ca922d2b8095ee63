"""The price of the abstraction: perdure beside the vendors' own SDKs, on the same servers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from perdure_bench.cells import FASTEST, NATIVE, PERDURE
from perdure_bench.ratios import ratio_over_passes
from perdure_bench.report.blocks import Legend, Section, Table, Text
from perdure_bench.report.charts.canvas import chart
from perdure_bench.report.charts.intervals import Interval, draw_intervals
from perdure_bench.report.measurements import unique
from perdure_bench.report.sections.legends import series
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import (
    backend_name,
    counted,
    listed,
    times,
    way_name,
    workload_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.ratios import Ratio
    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

_TITLE = "Overhead against the vendors' own SDKs"
_SUITES = ("latency", "throughput")
_ON_STAND_IN = " Azure is the stand-in on both sides: the ratio is of SDKs, not of the service."


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One measurement beside the vendor's."""

    ours: Measurement
    ratio: Ratio

    @property
    def label(self) -> str:
        """What is done."""
        return workload_name(self.ours.cell.workload, self.ours.cell.clients)

    @property
    def verdict(self) -> str:
        """``slower``, ``faster``; ``no difference`` where the interval holds 1."""
        low, high = self.ratio.low, self.ratio.high
        if low is None or high is None:
            return "unsure"
        return "slower" if low > 1 else "faster" if high < 1 else "no difference"


# The summary and the section both ask, and draw the intervals thousands of times.
@lru_cache(maxsize=4)
def compared(measurements: Measurements, *, way: str) -> list[Compared]:
    """Return all that was also done with a vendor's SDK; a ratio above 1 takes longer."""
    found = []
    for ours in measurements.of(*_SUITES):
        theirs = measurements.beside(ours, way=NATIVE)
        if ours.cell.way != way or theirs is None or not theirs.median or not ours.median:
            continue
        pair = (theirs, ours) if ours.unit == "1/s" else (ours, theirs)
        if not {*ours.passes} & {*theirs.passes}:
            continue
        ratio = ratio_over_passes(pair[0].passes, pair[1].passes)
        found.append(Compared(ours=ours, ratio=ratio))
    return found


def overhead(measurements: Measurements) -> Section:
    """Return the section."""
    defaults = compared(measurements, way=PERDURE)
    fastest = compared(measurements, way=FASTEST)
    both = [*defaults, *fastest]
    if not both:
        return missing("overhead", _TITLE, suite="latency", needs="--native")
    blocks: list[Block] = [
        Text(
            words="How many times as long perdure takes as the vendor's SDK for the same work on "
            "the same servers. The line is the 95 % interval: that of a bootstrap over passes, "
            "then over the samples in each. With few passes it is rough; with one there is none. "
            "perdure at its defaults and at its fastest are two series."
        ),
        Legend(keys=series([each.ours for each in both])),
    ]
    for backend in unique(each.ours.cell.backend for each in both):
        group = sorted(
            (each for each in both if each.ours.cell.backend == backend),
            key=lambda each: [item.label for item in both].index(each.label),
        )
        vendor = way_name(NATIVE, backend)
        hint = _ON_STAND_IN if measurements.is_stand_in(backend) else ""
        drawing = chart(
            f"overhead-{backend}",
            title=f"{backend_name(backend)}: perdure by {vendor}",
            description=_description(group) + hint,
            draw=draw_intervals(
                [_interval(each) for each in group],
                better="perdure is faster",
                worse="slower",
            ),
        )
        blocks += [drawing, *([Text(words=hint.strip())] if hint else [])]
        if not any(each.ours.cell.way == FASTEST for each in group):
            blocks.append(Text(words=f"{backend_name(backend)} has no faster setting of perdure."))
    blocks.append(_table(both))
    return Section(name="overhead", title=_TITLE, blocks=blocks)


def _interval(each: Compared) -> Interval:
    return Interval(
        label=each.label,
        backend=each.ours.cell.backend,
        way=each.ours.cell.way,
        value=each.ratio.value,
        low=each.ratio.low,
        high=each.ratio.high,
    )


def _description(group: Sequence[Compared]) -> str:
    parts = [
        f"{each.label}, {way_name(each.ours.cell.way, '')}: {times(each.ratio.value)}"
        f"{_bounds(each.ratio, ' (', ')')}"
        for each in group
    ]
    return "; ".join(parts) + "."


def _bounds(ratio: Ratio, before: str = "", after: str = "") -> str:
    if ratio.low is None or ratio.high is None:
        return ""
    return f"{before}{ratio.low:.2f} to {ratio.high:.2f}{after}"


def _table(both: Sequence[Compared]) -> Table:
    rows = [
        (
            each.label,
            backend_name(each.ours.cell.backend),
            way_name(each.ours.cell.way, ""),
            each.verdict if each.verdict != "unsure" else "no interval",
            times(each.ratio.value),
            _bounds(each.ratio) or "none",
            str(each.ratio.passes),
        )
        for each in both
    ]
    head = ("what", "backend", "way", "perdure is", "ratio", "95 %", "passes")
    return Table(head=head, rows=rows, caption="Overhead in figures", is_folded=True, words=4)


def headline(measurements: Measurements) -> list[str]:
    """Return the sentences of the summary, for each backend and each of perdure's ways."""
    sentences = []
    for way, name in ((PERDURE, "perdure at its defaults"), (FASTEST, "perdure at its fastest")):
        every = compared(measurements, way=way)
        for backend in unique(each.ours.cell.backend for each in every):
            group = [each for each in every if each.ours.cell.backend == backend]
            sentences.append(_sentence(name, backend, group, measurements))
    return sentences


def _sentence(
    name: str, backend: str, group: Sequence[Compared], measurements: Measurements
) -> str:
    counts = {
        words: sum(each.verdict == verdict for each in group)
        for verdict, words in (
            ("faster", "faster in {}"),
            ("slower", "slower in {}"),
            ("no difference", "not shown to differ in {}"),
            ("unsure", "not measured often enough to tell in {}"),
        )
    }
    parts = [words.format(count) for words, count in counts.items() if count]
    ratios = [each.ratio.value for each in group]
    reach = (
        f"the ratio is {min(ratios):.2f}"
        if len(ratios) == 1
        else f"ratios go from {min(ratios):.2f} to {max(ratios):.2f}"
    )
    where = "the stand-in for Azure" if measurements.is_stand_in(backend) else backend_name(backend)
    return (
        f"Beside {way_name(NATIVE, backend)} on {where}, {name} is {listed(parts)} of "
        f"{counted(len(group), 'workload')}; {reach} of its time."
    )
