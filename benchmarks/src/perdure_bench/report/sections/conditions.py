"""What a reader must know to judge the figures: conditions, failures, method, limits."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from perdure_bench.noise import MOST_SPREAD, MOST_STOLEN, is_noisy, noisy_passes, pass_name
from perdure_bench.report.blocks import Caution, Section, Table, Text
from perdure_bench.report.words import backend_name, counted, listed, note, way_name

if TYPE_CHECKING:
    from perdure_bench.report.blocks import Block
    from perdure_bench.report.measurements import Measurements

_LADDERS = "payloads"
_METHOD = (
    (
        "Each measurement is made in several passes. In each pass every backend begins with fresh "
        "servers and nothing stored, and the order of all measurements is drawn anew, so that what "
        "disturbs the machine for a while does not meet one side alone."
    ),
    (
        "Each side is a process of its own: a worker and a client of one SDK, on one "
        "event loop, with "
        "empty activities. The programs of the sides are equivalent. Time is taken inside that "
        "process; what it takes to give it an order does not count. A round before those "
        "that count "
        "warms it up."
    ),
    (
        "perdure runs as it is when nothing is set: its record of results and its claim "
        "check are on. "
        "Its fastest setting, where a backend has one, is a series of its own."
    ),
    (
        "Each step has a deadline. What fails, hangs or dies is listed, and nothing is put in its "
        "place."
    ),
)
_LIMITS = (
    (
        "The absolute times are of one machine, with servers, workers and clients all on it. No "
        "network is between them, other than one that is stated."
    ),
    (
        "Empty activities show what the way to them costs. A real activity takes longer, "
        "and the same "
        "cost is then a smaller share."
    ),
    "A percentile of few samples is not sure; how many there are is in the tables.",
    (
        "Durability differs between backends, as stated above. A figure is comparable with another "
        "only with that in mind."
    ),
)
_AZURE_LIMIT = (
    "For Azure there is no absolute latency here: the stand-in is not Durable Task Scheduler. To "
    "have real figures, run the same suites on your own scheduler."
)


def failures(measurements: Measurements) -> Section:
    """Return the section of what gave nothing."""
    failed = measurements.failed
    notes = _notes(measurements)
    if not failed:
        words = f"Nothing: all of {counted(len(measurements.run.cells), 'cell')} gave a figure."
        return Section(name="failures", title="What failed", blocks=[Text(words=words), *notes])
    rows = [
        (
            f"{found.cell.suite}: {found.cell.workload}",
            backend_name(found.cell.backend),
            found.cell.way,
            str(found.cell.clients),
            str(found.cell.number),
            found.status,
            note(found.note),
        )
        for found in failed
    ]
    head = ("what", "backend", "way", "clients", "pass", "outcome", "why")
    table = Table(head=head, rows=rows, caption="Cells without a figure", words=7)
    return Section(name="failures", title="What failed", blocks=[table, *notes])


def _notes(measurements: Measurements) -> list[Block]:
    """Return what is to know of cells that gave a figure; of a ladder that is its edge."""
    noted: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for each in measurements.all:
        cell = each.cell
        for words in each.notes if cell.suite != _LADDERS else ():
            name = way_name(cell.way, cell.backend)
            noted[cell.suite, cell.backend, name, note(words)].append(cell.workload)
    if not noted:
        return []
    rows = [
        (
            f"{suite.replace('_', ' ')}: {listed(workloads)}",
            f"{backend_name(backend)}, {name}",
            words,
        )
        for (suite, backend, name, words), workloads in noted.items()
    ]
    head = ("figure", "of", "what to know of it")
    return [Table(head=head, rows=rows, caption="Figures with a note", words=3)]


def conditions(measurements: Measurements) -> Section:
    """Return the section of the machine, the versions, the durability, and the noise."""
    run = measurements.run
    rows = [("machine", name, words) for name, words in run.machine.items()]
    rows += [
        (backend_name(backend), name.replace("_", " "), words)
        for backend, described in run.backends.items()
        for name, words in described.items()
    ]
    rows += [("asked", name.replace("_", " "), _said(value)) for name, value in run.asked.items()]
    blocks: list[Block] = [
        Table(head=("of", "what", "is"), rows=rows, caption="Conditions", words=3)
    ]
    if run.noise:
        blocks.append(
            Text(
                words="How still the machine was before each pass: by how much the slow tenth of "
                "some equal pieces of work exceeded the fastest, and what the hypervisor took."
            )
        )
        noise = [
            (
                pass_name(each),
                f"{each.spread:.0%}",
                f"{each.stolen:.0%}",
                "noisy" if is_noisy(each) else "still",
            )
            for each in run.noise
        ]
        head = ("before", "spread", "stolen", "so it was")
        blocks.append(Table(head=head, rows=noise, caption="Noise"))
    return Section(name="conditions", title="Conditions", blocks=blocks)


def method(measurements: Measurements) -> Section:
    """Return the section of how it is measured, and what the figures do not say."""
    is_stand_in = any(measurements.is_stand_in(name) for name in measurements.run.backends)
    limits = (*_LIMITS, *((_AZURE_LIMIT,) if is_stand_in else ()))
    blocks: list[Block] = [Text(words=words) for words in _METHOD]
    blocks += [Text(words=words) for words in limits]
    return Section(name="method", title="Method and limits", blocks=blocks)


def cautions(measurements: Measurements) -> list[str]:
    """Return what stands before all figures: noise, failures, a run that is only a look."""
    run = measurements.run
    found = []
    if any(map(is_noisy, run.noise)):
        found.append(
            f"The machine was noisy before {noisy_passes(run.noise)}. "
            f"It counts as still up to {MOST_SPREAD:.0%} longer "
            f"and {MOST_STOLEN:.0%} taken. Read the ratios rather than the times."
        )
    if measurements.failed:
        total = len(run.cells)
        found.append(
            f"{len(measurements.failed)} of {counted(total, 'cell')} gave no figure; they are "
            "listed with why."
        )
    if run.asked.get("is_smoke"):
        found.append("This is a smoke run, only to see that all works: its figures say little.")
    return found


def round_trip_caution(measurements: Measurements) -> list[Caution]:
    """Return what must stand where figures have a network in them that was put there."""
    added = str(measurements.run.backends.get("azure", {}).get("round trip", "0"))
    if added in ("0", "0s", "None", ""):
        return []
    return [Caution(words=f"A round trip of {added} was added to each call of the stand-in.")]


def _said(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None or value == {} else str(value)
