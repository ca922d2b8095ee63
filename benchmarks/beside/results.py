"""What a comparison found, as it is kept in a file of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What one instance leaves behind.

    Attributes:
        events: How many events its history has.
        history_bytes: How large they are on the wire.
        rows: How many rows of the state store it has.
        row_bytes: How large these are.
    """

    events: int
    history_bytes: int
    rows: int
    row_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a process spent on one job, and what it has in memory after it."""

    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One side's part of a pair.

    Attributes:
        seconds: The median over the repeats.
        spent: By process, for one job: the servers by their names, and ``worker``.
        footprint: Of one of its instances.
    """

    seconds: float
    spent: dict[str, Spent]
    footprint: Footprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """All counted pairs of one workload: ours and theirs, as they followed each other."""

    name: str
    repeats: int
    most: float | None
    ours: list[Sample]
    theirs: list[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One run.

    Attributes:
        theirs: What tables call the other side.
        conditions: Versions, settings and the machine, by name, in words.
        workloads: What was measured.
        caveat: What must be said beside each table of times; nothing if nothing must.
        format: Of this file.
    """

    theirs: str
    conditions: dict[str, str]
    workloads: list[Measured]
    caveat: str = ""
    format: int = FORMAT


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write a comparison to a file.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(comparison), indent=1) + "\n", encoding="utf-8")


def read_comparison(path: Path) -> Comparison:
    """Read it back.

    Raises:
        OSError: There is no such file.
        ValueError: It is not a comparison, or of another format.
    """
    whole: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if whole.get("format") != FORMAT:
        raise ValueError(f"{path} is no comparison of format {FORMAT}; run the benchmark again")
    return Comparison(
        theirs=whole["theirs"],
        caveat=whole["caveat"],
        conditions=whole["conditions"],
        workloads=[_measured(each) for each in whole["workloads"]],
    )


def _measured(whole: dict[str, Any]) -> Measured:
    sides = {side: [_sample(each) for each in whole[side]] for side in ("ours", "theirs")}
    return Measured(**{**whole, **sides})


def _sample(whole: dict[str, Any]) -> Sample:
    return Sample(
        seconds=whole["seconds"],
        spent={name: Spent(**each) for name, each in whole["spent"].items()},
        footprint=Footprint(**whole["footprint"]),
    )
