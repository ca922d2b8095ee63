"""Throughput and scale: how much at once, and what each process spends on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure_bench.report.blocks import Caution, Key, Legend, Section, Table, Text
from perdure_bench.report.charts.bars import Bar, draw_bars
from perdure_bench.report.charts.canvas import chart
from perdure_bench.report.measurements import by_workload, unique
from perdure_bench.report.sections.legends import series
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import (
    amount,
    backend_name,
    listed,
    seconds,
    size,
    three_digits,
    way_name,
    workload_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perdure_bench.report.blocks import Block, Chart
    from perdure_bench.report.measurements import Measurement, Measurements

SUITE = "throughput"
_TITLE = "Throughput, processor time and memory"
_CPU, _MEMORY = "cpu_seconds.", "memory_bytes."
_MEMORY_EACH, _IDLE = "memory_bytes_per_instance.", "idle_cpu_per_second."
_WORKER = "worker"
_MIB = 1 << 20
_STAND_IN = (
    "Azure ran on the stand-in: how much it gets through in a second, and what its server spends, "
    "say nothing of the service, and are left out. What the worker spends is the SDK's own. How "
    "perdure compares there with Microsoft's SDK is under the overhead."
)


def throughput(measurements: Measurements) -> Section:
    """Return the section."""
    found = measurements.of(SUITE)
    if not found:
        return missing("throughput", _TITLE, suite=SUITE)
    timed = [each for each in found if measurements.has_times(each)]
    blocks: list[Block] = []
    if len(timed) < len(found):
        blocks.append(Caution(words=_STAND_IN))
    blocks.append(Legend(keys=series(found)))
    rates = [each for each in timed if each.unit == "1/s" and each.samples]
    if rates:
        blocks.append(_rates(rates))
    blocks += _resources(measurements, found)
    if waiting := _waiting(measurements, found):
        blocks.append(waiting)
    blocks.append(_table(measurements, found))
    return Section(name="throughput", title=_TITLE, blocks=blocks)


def _rates(rates: Sequence[Measurement]) -> Chart:
    bars = [
        _bar(each, value=each.median or 0, words=three_digits(each.median or 0)) for each in rates
    ]
    return chart(
        "throughput",
        title="Activities per second (median)",
        description=_described(bars),
        draw=draw_bars(bars, unit="activities per second; more is better"),
    )


def _resources(measurements: Measurements, found: Sequence[Measurement]) -> list[Block]:
    blocks: list[Block] = [
        Text(
            words="Processor time is that of one round, memory that at its end. Filled is the "
            "worker with its client, hatched is all servers together."
        ),
        Legend(
            keys=(
                Key(mark="bar-full", words="worker"),
                Key(mark="bar-hatched", words="servers"),
            )
        ),
    ]
    charts = (
        ("cpu", _CPU, "Processor seconds in one round", "seconds", 1.0, seconds),
        ("memory", _MEMORY, "Memory of all processes", "MiB", float(_MIB), size),
    )
    for name, prefix, title, unit, scale, words in charts:
        bars = [
            bar
            for each in found
            if (bar := _split(measurements, each, prefix=prefix, scale=scale, words=words))
        ]
        if bars:
            drawing = chart(
                name, title=title, description=_described(bars), draw=draw_bars(bars, unit=unit)
            )
            blocks.append(drawing)
    return blocks if len(blocks) > 2 else []


def _split(
    measurements: Measurements,
    measurement: Measurement,
    *,
    prefix: str,
    scale: float,
    words: Callable[[float], str],
) -> Bar | None:
    spent = _by_process(measurements, measurement, prefix)
    if not any(spent.values()):
        return None
    worker = spent.pop(_WORKER, 0.0)
    servers = sum(spent.values())
    said = words(worker) + (f" + {words(servers)}" if servers else "")
    return _bar(measurement, value=worker / scale, more=servers / scale, words=said)


def _by_process(
    measurements: Measurements, measurement: Measurement, prefix: str
) -> dict[str, float]:
    """Return what each process spent; of the stand-in's server, nothing."""
    return {
        name.removeprefix(prefix): value
        for name, value in measurement.figures.items()
        if name.startswith(prefix)
        and (measurements.has_times(measurement) or name == f"{prefix}{_WORKER}")
    }


def _waiting(measurements: Measurements, found: Sequence[Measurement]) -> Table | None:
    rows = []
    for each in found:
        memory = _by_process(measurements, each, _MEMORY_EACH)
        idle = _by_process(measurements, each, _IDLE)
        if memory:
            rows.append(
                (
                    each.cell.workload,
                    backend_name(each.cell.backend),
                    way_name(each.cell.way, each.cell.backend),
                    listed([f"{name} {size(max(0, value))}" for name, value in memory.items()]),
                    listed([f"{name} {value:.1%}" for name, value in idle.items()]),
                )
            )
    if not rows:
        return None
    head = ("what", "backend", "way", "memory of each instance", "of a processor, while idle")
    return Table(head=head, rows=rows, caption="Instances that wait", words=5)


def _bar(measurement: Measurement, *, value: float, words: str, more: float = 0.0) -> Bar:
    cell = measurement.cell
    return Bar(
        group=workload_name(cell.workload, cell.clients),
        label=f"{backend_name(cell.backend)}, {_short(cell.way)}",
        backend=cell.backend,
        way=cell.way,
        value=value,
        more=more,
        words=words,
    )


def _short(way: str) -> str:
    return {"perdure-fastest": "fastest"}.get(way, way)


def _described(bars: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.group}, {bar.label}: {bar.words}" for bar in bars) + "."


def _table(measurements: Measurements, found: Sequence[Measurement]) -> Table:
    rows = []
    for each in found:
        has_times = measurements.has_times(each)
        middle = amount(each.median, each.unit) if each.median is not None else ""
        cpu = _by_process(measurements, each, _CPU)
        memory = _by_process(measurements, each, _MEMORY)
        rows.append(
            (
                workload_name(each.cell.workload, each.cell.clients),
                backend_name(each.cell.backend),
                way_name(each.cell.way, each.cell.backend),
                listed([f"{name} {seconds(value)}" for name, value in cpu.items()]),
                listed([f"{name} {size(value)}" for name, value in memory.items()]),
                middle if has_times or each.unit in ("bytes", "actions") else "not shown",
            )
        )
    head = ("what", "backend", "way", "processor time", "memory", "median")
    return Table(
        head=head, rows=rows, caption="Throughput and processes in figures", is_folded=True, words=5
    )


def headline(measurements: Measurements) -> list[str]:
    """Return a sentence for what gets most through: the largest workload with a rate."""
    rates = [
        each
        for each in measurements.of(SUITE)
        if measurements.has_times(each) and each.unit == "1/s" and each.samples
    ]
    sentences = []
    for workload, group in by_workload(rates).items():
        ours = [each for each in group if each.cell.way == "perdure"]
        if ours and workload.startswith(("200", "fan")):
            parts = [
                f"{three_digits(each.median or 0)} on {backend_name(each.cell.backend)}"
                for each in ours
            ]
            sentences.append(
                f"{workload[0].upper()}{workload[1:]}: perdure gets through {listed(parts)} "
                "activities per second."
            )
    return unique(sentences)
