"""Cells: one measurement each, and what was found of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Status = Literal["ok", "failed", "timed out", "unavailable"]
"""``unavailable``: the backend, or what the cell needs beside it, could not be had."""

PERDURE = "perdure"
FASTEST = "perdure-fastest"
NATIVE = "native"
"""Ways to do the same work: perdure at its defaults, at its fastest, and the vendor's own SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measurement that is to be made.

    Attributes:
        suite: As ``--suite`` names it.
        workload: What is done, in words.
        backend: As ``--backends`` names it.
        way: ``perdure``, ``perdure-fastest``, ``native``, or another that a suite has.
        clients: How many clients are at work at once.
        number: Of the pass, from 1.
    """

    suite: str
    workload: str
    backend: str
    way: str
    clients: int = 1
    number: int = 1

    def __str__(self) -> str:
        clients = "" if self.clients == 1 else f", {self.clients} clients"
        return f"{self.suite}: {self.workload}{clients}, {self.backend}, {self.way}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a cell gave.

    Attributes:
        cell: Which one.
        status: ``ok``, or why there is nothing.
        note: What a reader must know of it; of a failure, what happened.
        unit: Of the samples: ``s``, ``bytes``, ``actions``, ``1/s``.
        samples: One number for each single thing that was measured, as they came.
        figures: Other numbers, by name: ``cpu_seconds.daprd``, ``memory_bytes.worker`` …
        details: What is no number; its form is the suite's own.
    """

    cell: Cell
    status: Status = "ok"
    note: str = ""
    unit: str = "s"
    samples: list[float] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def found_of(content: dict[str, Any]) -> Found:
    """Return what :meth:`Found.as_json` made a JSON object of."""
    return Found(**{**content, "cell": Cell(**content["cell"])})
