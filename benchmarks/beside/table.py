"""The tables of a comparison in Markdown, and their place in a document.

``python -m benchmarks.beside.table RESULTS.json [DOCUMENT]`` prints them, or writes them between
the marks of a document.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING

from benchmarks.beside.pairing import WORKER
from benchmarks.beside.ratios import Pair, Ratio, ratio_of_medians
from benchmarks.beside.results import read_comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.beside.results import Comparison, Measured, Sample

BEGIN = "<!-- figures -->"
END = "<!-- end of figures -->"

_MEBIBYTE = 1024 * 1024


def markdown(comparison: Comparison) -> str:
    """Return all tables, under a line that says where and how they were made."""
    measured, theirs, caveat = comparison.workloads, comparison.theirs, comparison.caveat
    processes = _processes(measured)
    parts = [
        ", ".join(f"{name} {value}" for name, value in comparison.conditions.items()) + ".",
        *([caveat] if caveat else []),
        _table(
            ("what", theirs, "perdure", "ratio", "95 % interval", "at most", "pairs"),
            [_time_row(each) for each in measured],
        ),
        f"What one instance leaves, as {theirs} → perdure:",
        _table(
            ("what", "events", "bytes of history", "rows", "bytes in the state store"),
            [_footprint_row(each) for each in measured],
        ),
        "Processor time for one run, worker and client in one process, likewise:"
        + (f" {caveat}" if caveat else ""),
        _table(("what", *processes), [_row(each, processes, _cpu) for each in measured]),
        "Memory at most, likewise; the servers serve both:",
        _table(("what", *processes), [_row(each, processes, _memory) for each in measured]),
    ]
    return "\n\n".join(parts) + "\n"


def ratio_of(measured: Measured) -> Ratio:
    """Return ours by theirs, in time."""
    pairs = zip(measured.ours, measured.theirs, strict=True)
    return ratio_of_medians(
        [Pair(ours=ours.seconds, theirs=theirs.seconds) for ours, theirs in pairs]
    )


def placed(document: str, tables: str) -> str:
    """Return ``document`` with ``tables`` in the place of what is between its marks.

    A document that has only the first mark gets the second.

    Raises:
        ValueError: It has no place for them.
    """
    before, mark, after = document.partition(BEGIN)
    if not mark:
        raise ValueError(f"the document has no line {BEGIN}")
    _, end, rest = after.partition(END)
    return f"{before}{BEGIN}\n{tables}{END}{rest if end else after}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---" for _ in head], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _time_row(measured: Measured) -> tuple[str, ...]:
    ratio = ratio_of(measured)
    is_bound = ratio.low is not None and ratio.high is not None
    return (
        measured.name,
        _time(median(sample.seconds for sample in measured.theirs)),
        _time(median(sample.seconds for sample in measured.ours)),
        f"{ratio.value:.2f}",
        f"{ratio.low:.2f} to {ratio.high:.2f}" if is_bound else "too few pairs",
        "reported" if measured.most is None else f"{measured.most:.2f}",
        str(ratio.pairs),
    )


def _footprint_row(measured: Measured) -> tuple[str, ...]:
    theirs, ours = (samples[-1].footprint for samples in (measured.theirs, measured.ours))
    return (
        measured.name,
        f"{theirs.events:,} → {ours.events:,}",
        f"{theirs.history_bytes:,} → {ours.history_bytes:,}",
        f"{theirs.rows:,} → {ours.rows:,}",
        f"{theirs.row_bytes:,} → {ours.row_bytes:,}",
    )


def _row(
    measured: Measured, processes: Sequence[str], figure: Callable[[Sequence[Sample], str], str]
) -> tuple[str, ...]:
    theirs, ours = measured.theirs, measured.ours
    figures = (f"{figure(theirs, name)} → {figure(ours, name)}" for name in processes)
    return (measured.name, *figures)


def _cpu(samples: Sequence[Sample], process: str) -> str:
    return _time(mean(sample.spent[process].cpu_seconds for sample in samples))


def _memory(samples: Sequence[Sample], process: str) -> str:
    most = max(sample.spent[process].memory_bytes for sample in samples)
    return f"{most / _MEBIBYTE:.0f} MiB"


def _processes(measured: Sequence[Measured]) -> list[str]:
    names = measured[0].ours[0].spent.keys() if measured else set()
    return [*sorted(names - {WORKER}), WORKER]


def _time(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def main(arguments: Sequence[str]) -> None:
    """Print the tables, or write them into a document."""
    tables = markdown(read_comparison(Path(arguments[0])))
    if len(arguments) == 1:
        sys.stdout.write(tables)
        return
    document = Path(arguments[1])
    document.write_text(placed(document.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
