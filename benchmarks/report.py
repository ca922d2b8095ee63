"""The benchmark table, each figure beside its floor.

``python -m benchmarks.report RESULTS.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_HEADER = ("what", "median", "spread (iqr)", "floor", "ratio", "per second")


def rows(results: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each benchmark of a pytest-benchmark file."""
    return [_row(entry) for entry in results["benchmarks"]]


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    extra, stats = entry["extra_info"], entry["stats"]
    floor, median = extra.get("floor_seconds"), stats["median"]
    operations = extra.get("operations", 1)
    name = entry["name"].removeprefix("bench_").replace("_", " ")
    if "resident_megabytes" in extra:
        return (name, f"{extra['resident_megabytes']} MB", "", "", "", "")
    return (
        name,
        _time(median),
        _time(stats["iqr"]),
        _time(floor) if floor else "",
        f"{median / floor:.2f}" if floor else "",
        f"{operations / median:,.0f}" if operations > 1 else "",
    )


def _time(seconds: float) -> str:
    return f"{seconds * 1_000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def markdown(results: dict[str, Any]) -> str:
    """Return the table in Markdown, under a line that says where it was measured."""
    machine = results["machine_info"]
    head = (
        f"{machine['cpu'].get('brand_raw', machine['machine'])}, "
        f"{machine['cpu']['count']} processors, "
        f"Python {machine['python_version']}, {results['datetime'][:10]}; WAL, synchronous=FULL\n"
    )
    lines = [_HEADER, tuple("---" for _ in _HEADER), *rows(results)]
    return head + "\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(markdown(json.loads(Path(sys.argv[1]).read_text())) + "\n")
