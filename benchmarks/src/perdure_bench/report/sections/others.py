"""Suites that have no section of their own: their figures, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.report.blocks import Caution, Section, Table
from perdure_bench.report.measurements import unique
from perdure_bench.report.words import amount, backend_name, size, way_name, workload_name

if TYPE_CHECKING:
    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

_KNOWN = ("latency", "throughput", "payloads", "actions", "round_trips")
_NOT_SHOWN = "not shown"
_PLAIN_UNITS = ("bytes", "actions")


def others(measurements: Measurements) -> list[Section]:
    """Return a section for each such suite that the run has."""
    suites = unique(each.cell.suite for each in measurements.all)
    return [_section(suite, measurements) for suite in suites if suite not in _KNOWN]


def _section(suite: str, measurements: Measurements) -> Section:
    found = measurements.of(suite)
    blocks: list[Block] = []
    if any(not measurements.has_times(each) for each in found):
        blocks.append(
            Caution(words="Azure ran on the stand-in, whose times are its own: they are not shown.")
        )
    rows = [
        (
            workload_name(each.cell.workload, each.cell.clients),
            backend_name(each.cell.backend),
            way_name(each.cell.way, each.cell.backend),
            *_amounts(each, has_times=measurements.has_times(each)),
            str(len(each.samples)),
            _memory(each),
        )
        for each in found
    ]
    head = ("what", "backend", "way", "median", "p95", "samples", "worker's memory")
    title = suite.replace("_", " ").capitalize()
    blocks.append(Table(head=head, rows=rows, caption=title, words=3))
    return Section(name=suite.replace("_", "-"), title=title, blocks=blocks)


def _amounts(measurement: Measurement, *, has_times: bool) -> tuple[str, str]:
    if not has_times and measurement.unit not in _PLAIN_UNITS:
        return _NOT_SHOWN, _NOT_SHOWN
    middle, p95 = measurement.median, measurement.percentile(95)
    return (
        "" if middle is None else amount(middle, measurement.unit),
        "too few" if p95 is None else amount(p95, measurement.unit),
    )


def _memory(measurement: Measurement) -> str:
    value = measurement.figures.get("memory_bytes.worker")
    return "" if value is None else size(value)
