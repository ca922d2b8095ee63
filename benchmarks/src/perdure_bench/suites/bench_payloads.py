"""Payload limits: for each kind of payload, the sizes that pass, the edge, and what is beyond."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from perdure_bench.cells import NATIVE, PERDURE
from perdure_bench.payloads.kinds import KIB, KINDS, rungs_of
from perdure_bench.payloads.ladder import TOLERANCE, as_json, climb, in_words
from perdure_bench.payloads.published import published_for
from perdure_bench.payloads.rig import DEADLINE_SECONDS, Rig
from perdure_bench.payloads.ways import WAYS
from perdure_bench.workloads import Workload, workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure_bench.bench import Bench
    from perdure_bench.payloads.kinds import Kind

_IN_SMOKE = "activity input"
_MOST_IN_SMOKE = 1_030 * KIB
_DEFAULT_WAYS = (PERDURE, NATIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Workload):
    """A kind of payload on a backend, whose name is that of the kind."""

    kind: Kind


WORKLOADS = tuple(
    Limit(
        name=kind,
        kind=kind,
        ways=_DEFAULT_WAYS,
        own_ways=tuple(way for way in ways if way not in _DEFAULT_WAYS),
        backends=(backend,),
        in_smoke=kind == _IN_SMOKE,
        # What is refused once is refused each time.
        passes=1,
    )
    for kind in KINDS
    for backend, ways in WAYS.items()
)


@workloads(WORKLOADS)
def bench_payloads(bench: Bench, workload: Limit) -> None:
    kind, cell = workload.kind, bench.cell
    is_smoke = bench.session.asked.is_smoke
    rungs: Sequence[int] = rungs_of(kind, is_native=cell.way.startswith(NATIVE))
    if is_smoke:
        rungs = [size for size in rungs if size <= _MOST_IN_SMOKE]
    with Rig(bench) as rig:
        ladder = climb(
            lambda size: rig.probe(kind, size), rungs, tolerance=1.0 if is_smoke else TOLERANCE
        )
        about = {
            "about": rig.way.about,
            "servers": "the user's own" if rig.is_given else rig.way.servers,
        }
        published = published_for(cell.backend, kind, cell.way, is_given=rig.is_given)
    bench.keep(
        unit="bytes",
        note=in_words(ladder),
        figures={"edge_bytes": ladder.edge.accepted},
        details={
            **about,
            "ladder": [as_json(probed) for probed in ladder.in_order],
            "edge": asdict(ladder.edge),
            "deadline_seconds": DEADLINE_SECONDS,
            "published": [asdict(each) for each in published],
        },
    )
