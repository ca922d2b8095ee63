"""Actions: what patterns cost on Durable Task Scheduler, counted on the wire of the stand-in.

Each pattern runs twice, with nothing else at work on the hub. The figures are
``actions.published`` and ``actions.metrics``, by the two definitions of
``perdure_bench.billing.actions``; of perdure also ``journal.published`` and ``journal.metrics``, as
its meter makes them of the journals alone. The details have the kinds: ``wire``, and ``journal``.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from perdure_bench.billing.actions import Actions
from perdure_bench.billing.patterns import DRIVE_SECONDS, PATTERNS
from perdure_bench.billing.wire import counted
from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.places.place import PlaceError
from perdure_bench.sides.process import SideFailedError, SideTimedOutError
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from perdure_bench.bench import Bench
    from perdure_bench.session import Session
    from perdure_bench.sides.process import Side

_REPEATS = 2
_LONGEST_SECONDS = 2 * DRIVE_SECONDS
_MODULES = {
    PERDURE: "perdure_bench.billing.perdure_side",
    NATIVE: "perdure_bench.billing.azure_side",
}
_AGENT = "agent with 20 tool calls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Workload):
    """A pattern.

    Attributes:
        program: As the sides know it.
    """

    program: str


_PATTERNS = tuple(
    Pattern(
        name=name,
        program=program,
        ways=(PERDURE, NATIVE),
        backends=("azure",),
        passes=1,
        in_smoke=program == "sequence",
    )
    for name, program in PATTERNS.items()
)
_AGENTS = (Pattern(name=_AGENT, program="agent", ways=(PERDURE,), backends=("azure",), passes=1),)


Counts = list[tuple[Actions, Actions]]
_KEPT: WeakKeyDictionary[Session, dict[tuple[str, str], Counts]] = WeakKeyDictionary()
"""Counts of each repeat, on the wire and in the journals, by way and program."""


@workloads(_PATTERNS)
def bench_patterns(bench: Bench, workload: Pattern) -> None:
    way = bench.cell.way
    kept = _KEPT.setdefault(bench.session, {})
    counts = kept.pop((way, workload.program), None)
    if counts is None:
        # A process needs longer to start than all patterns do: one counts them all.
        others = [each.program for each in _PATTERNS if each.program != workload.program]
        programs = [workload.program, *([] if bench.session.asked.is_smoke else others)]
        counted = _count(bench, programs, module=_MODULES[way])
        counts = counted.pop(workload.program)
        kept.update({(way, program): found for program, found in counted.items()})
    _keep(bench, counts)


@workloads(_AGENTS)
def bench_agent(bench: Bench, workload: Pattern) -> None:
    if importlib.util.find_spec("perdure_agent_framework") is None:
        name = "perdure-agent-framework"
        raise PlaceError(f"{name} is not installed; type: pip install {name}")
    counted = _count(bench, [workload.program], module="perdure_bench.billing.agent_side")
    _keep(bench, counted[workload.program])


def _count(bench: Bench, programs: list[str], *, module: str) -> dict[str, Counts]:
    """Return the counts of the first program, and of those after it up to one that fails."""
    found: dict[str, Counts] = {}
    counted(bench.place)  # where nothing counts, no process is started
    with bench.session.own_side(bench.cell, module=module) as side:
        for program in programs:
            try:
                found[program] = [
                    _counted_once(bench, side, program, instance_id)
                    for instance_id in bench.session.new_ids(_REPEATS)
                ]
            except (SideFailedError, SideTimedOutError):
                bench.session.mark_broken(bench.cell.backend)
                if program == programs[0]:
                    raise
                # It is tried again when its own cell comes, and fails there.
                break
    return found


def _counted_once(
    bench: Bench, side: Side, program: str, instance_id: str
) -> tuple[Actions, Actions]:
    before = counted(bench.place)
    kinds = side.order("do", within=_LONGEST_SECONDS, program=program, id=instance_id)
    return counted(bench.place) - before, Actions(kinds=kinds)


def _keep(bench: Bench, counts: Counts) -> None:
    wire, journal = counts[-1]
    figures = {"actions.published": wire.published, "actions.metrics": wire.metrics}
    details = {"wire": dict(wire.kinds)}
    notes = []
    if len({(each.published, each.metrics) for each, _ in counts}) > 1:
        notes.append("the count is not the same each time")
    if bench.cell.way == PERDURE:
        figures |= {"journal.published": journal.published, "journal.metrics": journal.metrics}
        details["journal"] = dict(journal.kinds)
        notes += _differences(wire, journal)
    bench.keep(
        unit="actions",
        samples=[each.published for each, _ in counts],
        figures=figures,
        details=details,
        note="; ".join(notes),
    )


def _differences(wire: Actions, journal: Actions) -> list[str]:
    if (wire.published, wire.metrics) == (journal.published, journal.metrics):
        return []
    words = (
        f"the journals come to {journal.published} and {journal.metrics}, "
        f"the wire has {wire.published} and {wire.metrics}"
    )
    if "continue_as_new" in wire.kinds:
        words += ": the backend keeps the journal of the last run only"
    return [words]
