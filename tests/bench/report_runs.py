"""A run of all suites, made up: its figures are of no machine, and each is drawn from a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from perdure_bench.cells import FASTEST, NATIVE, PERDURE, Cell, Found
from perdure_bench.run_folder import Noise, Run

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSES = 3
MIB = 1 << 20
LATENCIES = {
    "start to first activity": 0.004,
    "chain of 10": 0.02,
    "event to resume": 0.006,
    "timer of 1 s": 0.003,
    "10 child workflows": 0.05,
    "cold start": 0.4,
    "recovery after kill": 0.9,
}
BACKENDS = {"embedded": 1.0, "dapr": 9.0, "azure": 4.0}
SPEEDS = {PERDURE: 1.1, FASTEST: 0.8, NATIVE: 1.0}
CONDITIONS = {
    "embedded": {"engine": "SQLite 3.40.1", "durability": "WAL, synchronous=FULL"},
    "dapr": {"servers": "daprd 1.18.1", "durability": "state store sqlite", "SDK": "dapr 1.19.0"},
    "azure": {
        "servers": "perdure's stand-in for Durable Task Scheduler; it is not DTS",
        "durability": "SQLite of the stand-in; DTS's own is Microsoft's",
        "SDK": "durabletask.azuremanaged 1.12.0",
        "round trip": "0",
        "is_stand_in": "yes",
    },
}
KINDS = {
    "activity input": (2.0, "hung"),
    "workflow input": (4.0, "refused"),
    "event": (3.8, "lost"),
    "cumulative history": (4.0, "stalled"),
}
PATTERNS = {
    "sequence of 3": (7, 7, 7),
    "timer": (3, 4, 3),
    "20 timeouts around 20 calls": (63, 83, 61),
}
CALLS = {"chain of 1": 4, "chain of 10": 22, "fan-out of 10": 5}


def whole_run(**given: Any) -> Run:
    """Return a run that has every suite, on three backends."""
    cells = [*latencies(), *rates(), *ladders(), *actions(), *round_trips(), *agents()]
    return run_with([*cells, *failures()], **given)


def run_with(cells: list[Found], **given: Any) -> Run:
    """Return a run of these cells."""
    whole: dict[str, Any] = {
        "asked": {"backends": list(BACKENDS), "passes": PASSES, "is_smoke": False},
        "machine": {"processors": "2, made up", "Python": "3.11.7", "perdure": "0.1.0"},
        "backends": CONDITIONS,
        "noise": [Noise(number=n, spread=0.02 * n, stolen=0.0) for n in range(1, PASSES + 1)],
    }
    return Run(**{**whole, **given}, cells=cells)


def latencies(*, count: int = 40, speeds: dict[str, float] | None = None) -> list[Found]:
    """Return the suite ``latency``."""
    return [
        Found(
            cell=Cell(suite="latency", **where, clients=clients, number=number),
            samples=_around(seconds * (1 if clients == 1 else 6), count, str((where, number))),
        )
        for where, seconds in _ways(LATENCIES, speeds or SPEEDS)
        for clients in ((1, 30) if "kill" not in where["workload"] else (1,))
        for number in range(1, PASSES + 1)
    ]


def rates() -> list[Found]:
    """Return the suite ``throughput``."""
    work = {"chain of 100": 0.004, "fan-out of 1,000": 0.001, "200 chains of 10 at once": 0.002}
    servers = {"dapr": ("daprd", "scheduler"), "azure": ("dts-stand-in",)}
    return [
        Found(
            cell=Cell(suite="throughput", **where, number=number),
            unit="1/s",
            samples=_around(1 / seconds, 3, str((where, number))),
            figures={
                "cpu_seconds.worker": 200 * seconds,
                "memory_bytes.worker": 54 * MIB,
                **{
                    f"{name}.{server}": value
                    for server in servers.get(where["backend"], ())
                    for name, value in (("cpu_seconds", 0.7), ("memory_bytes", 130 * MIB))
                },
            },
            details={"job": {"shape": "chain", "size": 100, "instances": 1, "clients": 1}},
        )
        for where, seconds in _ways(work, SPEEDS)
        for number in range(1, PASSES + 1)
    ]


def ladders() -> list[Found]:
    """Return the suite ``payloads``."""
    return [
        _ladder(kind, backend, way, limit, then)
        for kind, (limit, then) in KINDS.items()
        for backend in BACKENDS
        for way in (PERDURE, f"{PERDURE}-inline", NATIVE, f"{NATIVE}-4MiB")
        if backend == "dapr" or "-4MiB" not in way
        if backend != "embedded" or way == PERDURE
    ]


def _ladder(kind: str, backend: str, way: str, limit: float, then: str) -> Found:
    is_open = way == PERDURE or backend == "embedded"
    edge = 64 * MIB if is_open else int((1 if backend == "azure" else limit) * MIB)
    sizes = sorted({1 << power for power in range(10, 27)} | {edge})
    ladder = [
        {
            "bytes": size,
            "outcome": "accepted" if size <= edge else then,
            "words": "" if size <= edge else "RESOURCE_EXHAUSTED: larger than max",
            "where": "" if size <= edge else "client",
            "seconds": 0.12345,
        }
        for size in sizes
    ]
    beyond = next((size for size in sizes if size > edge), None)
    return Found(
        cell=Cell(suite="payloads", workload=kind, backend=backend, way=way),
        unit="bytes",
        figures={"edge_bytes": edge},
        details={
            "about": f"{way}, as it is",
            "ladder": ladder,
            "edge": {"accepted": edge, "then": then if beyond else None, "beyond": beyond},
            "published": [
                {"backend": backend, "bytes": MIB, "words": "1 MB", "source": "https://x.example"}
            ],
        },
    )


def actions() -> list[Found]:
    """Return the suite ``actions``."""
    return [
        Found(
            cell=Cell(suite="actions", workload=pattern, backend="azure", way=way),
            unit="actions",
            samples=[count, count],
            figures={"actions.published": count, "actions.metrics": max(count, metrics)},
        )
        for pattern, (ours, metrics, theirs) in PATTERNS.items()
        for way, count in ((PERDURE, ours), (NATIVE, theirs))
    ]


def round_trips() -> list[Found]:
    """Return the suite ``round_trips``."""
    return [
        Found(
            cell=Cell(suite="round_trips", workload=pattern, backend="azure", way=way),
            unit="round trips",
            figures={
                "round_trips.total": total,
                "round_trips.per_step": 2.0,
                "calls.StartInstance": 1,
            },
        )
        for pattern, total in CALLS.items()
        for way in (PERDURE, NATIVE)
    ]


def agents() -> list[Found]:
    """Return a suite that has no section of its own."""
    return [
        Found(
            cell=Cell(
                suite="agents", workload="agent with 20 tool calls", backend=backend, way=way
            ),
            samples=_around(0.3217, 12, backend + way),
        )
        for backend in BACKENDS
        for way in (PERDURE, "plain")
    ]


def failures() -> list[Found]:
    """Return cells that gave nothing."""
    cell = Cell(suite="latency", workload="chain of 10", backend="dapr", way=NATIVE, number=4)
    note = "SideTimedOutError: native on dapr did not run within 120 s\n/root/secret/log"
    return [Found(cell=cell, status="timed out", note=note)]


def _ways(
    work: dict[str, float], speeds: dict[str, float]
) -> Iterator[tuple[dict[str, Any], float]]:
    for workload, seconds in work.items():
        for backend, slower in BACKENDS.items():
            for way, speed in speeds.items():
                if backend != "embedded" or way != NATIVE:
                    where = {"workload": workload, "backend": backend, "way": way}
                    yield where, seconds * slower * speed


def _around(middle: float, count: int, seed: str) -> list[float]:
    drawing = random.Random(seed)
    return [middle * drawing.lognormvariate(0, 0.12) for _ in range(count)]
