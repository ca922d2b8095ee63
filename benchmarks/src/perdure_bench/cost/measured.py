"""What work was measured to take on a backend: processor time per action, and memory."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import PERDURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perdure_bench.cells import Found
    from perdure_bench.run_folder import Run

_WORKER = "worker"
_CPU = "cpu_seconds."
_MEMORY = "memory_bytes."
_LEFT_OUT = {"dapr": "its state store is not among them, and no server is there twice"}
_OF_ALL = "processors are paid for as they are used, as if they were never idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What chains of activities took, spread over their actions.

    Attributes:
        cpu_seconds_per_action: By process.
        memory_bytes: By process; there even if nothing runs.
        words: What it was taken from, and what it leaves out, in sentences.
    """

    cpu_seconds_per_action: Mapping[str, float]
    memory_bytes: Mapping[str, float]
    words: tuple[str, ...]


def measured_in(run: Run, *, way: str = PERDURE) -> dict[str, Measured]:
    """Return what a run says of each backend that had chains of activities run.

    Of all chains of a backend those with the most clients at once count, and of those the longest.
    The stand-in for Durable Task Scheduler is left out: what DTS itself takes is in its price.
    """
    found: dict[str, Measured] = {}
    for backend in dict.fromkeys(each.cell.backend for each in run.cells):
        cells = [each for each in run.cells if _is_chain(each, backend=backend, way=way)]
        if cells:
            most = max(map(_load, cells))
            found[backend] = _measured(backend, [it for it in cells if _load(it) == most])
    return found


def _is_chain(found: Found, *, backend: str, way: str) -> bool:
    job: dict[str, Any] = found.details.get("job", {})
    cell = found.cell
    is_chain = found.status == "ok" and job.get("shape") == "chain"
    return is_chain and cell.backend == backend and cell.way == way


def _load(found: Found) -> tuple[int, int]:
    job = found.details["job"]
    return job["clients"], job["size"]


def _measured(backend: str, cells: Sequence[Found]) -> Measured:
    job = cells[0].details["job"]
    # A start, and for each activity that it is scheduled and that its result comes.
    actions = (1 + 2 * job["size"]) * job["instances"]
    passes = "a pass" if len(cells) == 1 else f"{len(cells)} passes"
    taken = (
        f"processor time and memory are those of {cells[0].cell.workload!r}, "
        f"{job['clients']} at once, measured in {passes}"
    )
    left_out = _LEFT_OUT.get(backend)
    return Measured(
        cpu_seconds_per_action={
            name: seconds / actions for name, seconds in _medians(cells, _CPU, backend).items()
        },
        memory_bytes=_medians(cells, _MEMORY, backend),
        words=(taken, _OF_ALL, *([left_out] if left_out else [])),
    )


def _medians(cells: Sequence[Found], prefix: str, backend: str) -> dict[str, float]:
    names = {name for each in cells for name in each.figures if name.startswith(prefix)}
    return {
        name.removeprefix(prefix): median(
            each.figures[name] for each in cells if name in each.figures
        )
        for name in sorted(names)
        if backend != "azure" or name == prefix + _WORKER
    }
