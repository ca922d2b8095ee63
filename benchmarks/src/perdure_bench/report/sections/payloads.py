"""Payload limits: how large a value may be, and what happens to one that is larger."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.report.blocks import Key, Ladder, Legend, Rung, Section, Span, Table, Text
from perdure_bench.report.measurements import by_workload, unique
from perdure_bench.report.sections.missing import missing
from perdure_bench.report.words import backend_name, note, size, way_name

if TYPE_CHECKING:
    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurement, Measurements

SUITE = "payloads"
_TITLE = "Payload limits"
LETTERS = {
    "accepted": ("A", "accepted: it arrives as it was"),
    "changed": ("C", "changed: it arrives as something else"),
    "refused": ("R", "refused with an error"),
    "stalled": ("S", "the instance is stalled"),
    "hung": ("H", "nothing comes back before the deadline"),
    "lost": ("L", "the connection is lost"),
}
_BEYOND = {
    "changed": "it arrives as something else",
    "refused": "it is refused with an error",
    "stalled": "the instance stalls",
    "hung": "nothing comes back",
    "lost": "the connection is lost",
}
_TICKS = (1, 64, 1024, 4 * 1024, 64 * 1024)
_LONGEST_WORDS = 60
_ERROR = re.compile(r"\b([A-Z]\w*Error)\b")


def payloads(measurements: Measurements) -> Section:
    """Return the section."""
    found = [each for each in measurements.of(SUITE) if each.details.get("ladder")]
    if not found:
        return missing("payloads", _TITLE, suite=SUITE)
    outcomes = {probe["outcome"] for each in found for probe in each.details["ladder"]}
    blocks: list[Block] = [
        Text(
            words="Each bar is what becomes of a value of each size, from 1 KiB at the left to 64 "
            "MiB at the right, on a logarithmic scale. Limits, counts and errors are the same on "
            "any machine; those of Azure are those of the stand-in, which has DTS's documented "
            "limit of 1 MiB."
            if any(measurements.is_stand_in(each.cell.backend) for each in found)
            else "Each bar is what becomes of a value of each size, from 1 KiB at the left to 64 "
            "MiB at the right, on a logarithmic scale."
        ),
        Legend(
            keys=tuple(
                Key(mark=f"outcome-{outcome}", words=f"{letter} {words}")
                for outcome, (letter, words) in LETTERS.items()
                if outcome in outcomes
            )
        ),
    ]
    for kind, group in by_workload(found).items():
        scale = _scale(found)
        rungs = [_rung(each, scale) for each in group]
        blocks.append(Ladder(kind=kind, rungs=rungs, ticks=_ticks(scale)))
    blocks.append(_ways(found))
    if published := _published(found):
        blocks.append(published)
    return Section(name="payloads", title=_TITLE, blocks=blocks)


def _scale(found: list[Measurement]) -> tuple[float, float]:
    sizes = [probe["bytes"] for each in found for probe in each.details["ladder"]]
    return min(sizes), max(sizes)


def _ticks(scale: tuple[float, float]) -> tuple[tuple[str, float], ...]:
    low, high = scale
    shown = [kib * 1024 for kib in _TICKS if low <= kib * 1024 <= high * 1.02]
    return tuple((size(tick), _place(tick, scale)) for tick in shown)


def _place(value: float, scale: tuple[float, float]) -> float:
    low, high = scale
    if high <= low:
        return 0.0
    return min(1.0, max(0.0, math.log(value / low) / math.log(high / low)))


def _rung(measurement: Measurement, scale: tuple[float, float]) -> Rung:
    cell = measurement.cell
    return Rung(
        who=f"{backend_name(cell.backend)}: {way_name(cell.way, cell.backend)}",
        spans=_spans(measurement.details["ladder"], scale),
        edge=_edge(measurement),
    )


def _spans(ladder: list[dict[str, Any]], scale: tuple[float, float]) -> tuple[Span, ...]:
    """Return what came out, by size; half-way between two that differ it changes."""
    probes = sorted(ladder, key=lambda probe: probe["bytes"])
    spans: list[Span] = []
    start = 0.0
    for probe, following in zip(probes, [*probes[1:], None], strict=True):
        if following is not None and following["outcome"] == probe["outcome"]:
            continue
        end = _place(probe["bytes"], scale)
        if following is not None:
            end = (end + _place(following["bytes"], scale)) / 2
        spans.append(Span(outcome=probe["outcome"], start=start, width=end - start))
        start = end
    return tuple(spans)


def _edge(measurement: Measurement) -> str:
    edge = measurement.details.get("edge", {})
    accepted, then = edge.get("accepted", 0), edge.get("then")
    if then is None:
        return f"accepted at all sizes, up to {size(accepted)}"
    beyond: dict[str, Any] = next(
        (probe for probe in measurement.details["ladder"] if probe["bytes"] == edge.get("beyond")),
        {},
    )
    said = _in_short(note(str(beyond.get("words") or "")))
    where = f" at the {beyond['where']}" if beyond.get("where") else ""
    passed = f"accepted up to {size(accepted)}" if accepted else "nothing accepted"
    return f"{passed}, then {then}{where}" + (f": {said}" if said else "") + _later(measurement)


def _in_short(words: str) -> str:
    """Return the name of the error at the bottom of it; the beginning, if there is none."""
    if errors := _ERROR.findall(words):
        return str(errors[-1])
    return words if len(words) <= _LONGEST_WORDS else words[: _LONGEST_WORDS - 1] + "…"


def _later(measurement: Measurement) -> str:
    """Return what becomes of those that are larger than the first that does not pass."""
    edge = measurement.details["edge"]
    probes = [each for each in measurement.details["ladder"] if each["bytes"] > edge["beyond"]]
    others = unique(each["outcome"] for each in probes if each["outcome"] != edge["then"])
    return f"; larger ones: {', '.join(others)}" if others else ""


def _ways(found: list[Measurement]) -> Table:
    rows = unique_rows(
        (
            backend_name(each.cell.backend),
            way_name(each.cell.way, each.cell.backend),
            str(each.details.get("about", "")),
        )
        for each in found
    )
    head = ("backend", "way", "what it is")
    return Table(head=head, rows=rows, caption="What the ways are", is_folded=True, words=3)


def _published(found: list[Measurement]) -> Table | None:
    rows = unique_rows(
        (
            backend_name(limit["backend"]),
            size(limit["bytes"]),
            limit["words"],
            limit["source"],
        )
        for each in found
        for limit in each.details.get("published", [])
    )
    if not rows:
        return None
    head = ("backend", "limit", "as published", "where")
    return Table(head=head, rows=rows, caption="Published limits", is_folded=True, words=4)


def unique_rows(rows: Any) -> list[tuple[str, ...]]:
    """Return each row once, as they come."""
    return list(dict.fromkeys(rows))


def headline(measurements: Measurements) -> list[str]:
    """Return the sentences of the summary: the smallest edge of each backend, in each way."""
    found = [each for each in measurements.of(SUITE) if each.details.get("ladder")]
    sentences = []
    for backend in unique(each.cell.backend for each in found):
        parts = []
        for way in (NATIVE, PERDURE):
            group = [each for each in found if (each.cell.backend, each.cell.way) == (backend, way)]
            if group:
                parts.append(_smallest(way_name(way, backend), group))
        if parts:
            sentences.append(f"{backend_name(backend)}: {'; '.join(parts)}.")
    return sentences


def _smallest(name: str, group: list[Measurement]) -> str:
    limited = [each for each in group if each.details.get("edge", {}).get("then")]
    if not limited:
        least = min(each.details["edge"]["accepted"] for each in group)
        return f"with {name} every kind of value passes up to {size(least)}, the largest tried"
    worst = min(limited, key=lambda each: each.details["edge"]["accepted"])
    edge = worst.details["edge"]
    others = {each.details["edge"]["then"] for each in limited} - {edge["then"]}
    kind = worst.cell.workload
    if {each.details["edge"]["accepted"] for each in group} == {edge["accepted"]}:
        kind = "every kind of value alike"
    beyond = f"with {name} the lowest limit is that of {kind}, {size(edge['accepted'])}"
    beyond += f", beyond which {_BEYOND[edge['then']]}"
    return beyond + "".join(f"; with other kinds {_BEYOND[each]}" for each in sorted(others))
