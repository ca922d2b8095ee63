"""A report, made of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.report import words
from perdure_bench.report.blocks import Report, Table
from perdure_bench.report.measurements import Measurements, unique
from perdure_bench.report.sections import (
    actions,
    conditions,
    cost,
    latency,
    others,
    overhead,
    payloads,
    round_trips,
    throughput,
)

if TYPE_CHECKING:
    from perdure_bench.cost.prices import Prices
    from perdure_bench.report.blocks import Section
    from perdure_bench.report.measurements import Measurement
    from perdure_bench.run_folder import Run

_TITLE = "Workflow backends beside each other"
IN_TABLE = ("start to first activity", "chain of 10", "event to resume", "recovery after kill")
_EDGE = "activity input"
_PATTERN = "sequence of 3"
_WITHOUT_NETWORK = ("payloads", "actions", "round-trips", "cost")


def make_report(run: Run, *, measured_on: str = "", prices: Prices | None = None) -> Report:
    """Return the report of a run.

    Args:
        run: As it was read.
        measured_on: The day, in words.
        prices: What money amounts are made of; without them there are none.
    """
    measurements = Measurements(run)
    parts = {
        "Latency": latency,
        "Overhead": overhead,
        "Limits": payloads,
        "Billing": actions,
        "Network": round_trips,
        "Throughput": throughput,
    }
    summary = {
        name: sentences
        for name, part in parts.items()
        if (sentences := [words.without_paths(each) for each in part.headline(measurements)])
    }
    return Report(
        title=_TITLE,
        facts=_facts(run, measured_on),
        summary=summary or {"Nothing": ["Nothing that was measured gave a figure."]},
        cautions=_cautions(measurements),
        sections=_sections(measurements, prices),
        table=short_table(measurements),
        data=_data(run),
    )


def short_table(measurements: Measurements) -> Table:
    """Return the few figures that stand for all: medians with one client, an edge, a count."""
    columns = [
        (backend, way)
        for backend in measurements.backends
        for way in (PERDURE, NATIVE)
        if any(
            each.cell.backend == backend and each.cell.way == way
            for each in measurements.of("latency")
        )
    ]
    rows = [
        (workload, *(_figure(measurements, "latency", workload, *column) for column in columns))
        for workload in IN_TABLE
    ]
    for suite, workload, name in (
        ("payloads", _EDGE, f"largest {_EDGE}"),
        ("actions", _PATTERN, f"billed actions, {_PATTERN}"),
    ):
        rows.append((name, *(_figure(measurements, suite, workload, *each) for each in columns)))
    head = ("", *(_column_name(measurements, *column) for column in columns))
    shown = [row for row in rows if any(row[1:])]
    return Table(head=head, rows=shown, caption="Medians with one client")


def _column_name(measurements: Measurements, backend: str, way: str) -> str:
    name = f"{words.backend_name(backend)}, {words.way_name(way, backend)}"
    return f"{name} (stand-in)" if measurements.is_stand_in(backend) else name


def _figure(measurements: Measurements, suite: str, workload: str, backend: str, way: str) -> str:
    wanted = (suite, workload, backend, way, 1)
    for each in measurements.all:
        cell = each.cell
        if (cell.suite, cell.workload, cell.backend, cell.way, cell.clients) == wanted:
            return _in_words(measurements, each)
    return ""


def _in_words(measurements: Measurements, measurement: Measurement) -> str:
    if "edge_bytes" in measurement.figures:
        return words.size(measurement.figures["edge_bytes"])
    middle = measurement.median
    if middle is None:
        return ""
    if measurement.unit != "s":
        return words.three_digits(middle)
    if measurements.has_times(measurement):
        return words.seconds(middle)
    theirs = measurements.beside(measurement, way=NATIVE)
    return words.times(middle / theirs.median) if theirs and theirs.median else ""


def _sections(measurements: Measurements, prices: Prices | None) -> list[Section]:
    made = [
        latency.latency(measurements),
        overhead.overhead(measurements),
        payloads.payloads(measurements),
        actions.actions(measurements),
        round_trips.round_trips(measurements),
        throughput.throughput(measurements),
        *others.others(measurements),
        cost.cost(measurements, prices),
    ]
    added = conditions.round_trip_caution(measurements)
    touched = [
        section
        if section.is_empty or section.name in _WITHOUT_NETWORK
        else replace(section, blocks=[*added, *section.blocks])
        for section in made
    ]
    return [
        *touched,
        conditions.failures(measurements),
        conditions.conditions(measurements),
        conditions.method(measurements),
    ]


def _facts(run: Run, measured_on: str) -> list[str]:
    backends = unique([*(str(each) for each in run.asked.get("backends", [])), *run.backends])
    return [
        *([f"measured on {measured_on}"] if measured_on else []),
        f"perdure {run.machine.get('perdure', '')}".strip(),
        words.listed([words.backend_name(each) for each in backends]),
        words.counted(len({found.cell.number for found in run.cells}), "pass", "passes"),
        words.counted(len(run.cells), "cell"),
    ]


def _cautions(measurements: Measurements) -> list[str]:
    found = conditions.cautions(measurements)
    if any(measurements.is_stand_in(backend) for backend in measurements.run.backends):
        found.insert(0, latency.STAND_IN)
    return found


def _data(run: Run) -> str:
    """Return the run as JSON, without paths of the machine, such that HTML may hold it."""
    content = {**asdict(run), "cells": [each.as_json() for each in run.cells]}
    text = json.dumps(_without_paths(content), separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _without_paths(content: Any) -> Any:
    if isinstance(content, str):
        return words.without_paths(content)
    if isinstance(content, dict):
        return {name: _without_paths(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_paths(value) for value in content]
    return content
