"""The figures of agents in Markdown.

``python -m benchmarks.agents.table [DOCUMENT]`` prints what ``.benchmarks`` has, or writes it
between the marks of a document.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.agents.results import FOLDER, read_figures
from benchmarks.beside.ratios import Pair, ratio_of_medians
from benchmarks.beside.table import placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.agents.results import AgentFigures

_BACKENDS = ("sqlite", "dapr", "azure")
_NAMES = {"azure": "azure (stand-in)"}
_HEADINGS = (
    "backend",
    "plain",
    "durable",
    "ratio",
    "95 % interval",
    "more per tool turn",
    "history per tool turn",
    "activities",
    "billable actions per tool turn",
    "1,000 idle conversations",
)
_KIBIBYTE = 1024
_MEBIBYTE = 1024 * 1024


def markdown(found: Sequence[AgentFigures]) -> str:
    """Return the table, under a line that says where and how it was made."""
    conditions = dict(found[0].conditions) if found else {}
    parts = [
        ", ".join(f"{name} {value}" for name, value in conditions.items()) + ".",
        "\n".join(
            [
                "| " + " | ".join(_HEADINGS) + " |",
                "|---" * len(_HEADINGS) + "|",
                *("| " + " | ".join(_row(each)) + " |" for each in found),
            ]
        ),
    ]
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> None:
    """Print the table of all backends, or write it into a document."""
    files = [Path(FOLDER) / f"agents-{name}.json" for name in _BACKENDS]
    text = markdown([read_figures(file) for file in files if file.exists()])
    if arguments:
        document = Path(arguments[0])
        document.write_text(placed(document.read_text(encoding="utf-8"), text), encoding="utf-8")
    else:
        sys.stdout.write(text)


def _row(figures: AgentFigures) -> list[str]:
    pairs = zip(figures.durable_seconds, figures.plain_seconds, strict=True)
    ratio = ratio_of_medians([Pair(ours=ours, theirs=theirs) for ours, theirs in pairs])
    bounds = "too few pairs" if ratio.low is None else f"{ratio.low:.2f} to {ratio.high:.2f}"
    plain, durable = median(figures.plain_seconds), median(figures.durable_seconds)
    turns = figures.tool_turns
    return [
        _NAMES.get(figures.backend, figures.backend),
        f"{plain * 1000:.0f} ms",
        f"{durable * 1000:.0f} ms",
        f"{ratio.value:.2f}",
        bounds,
        f"{(durable - plain) / turns * 1000:.1f} ms",
        f"{figures.history.history_bytes / turns / _KIBIBYTE:.1f} KiB",
        str(figures.history.activities),
        "none" if figures.actions is None else f"{figures.actions / turns:.1f}",
        _idle(figures),
    ]


def _idle(figures: AgentFigures) -> str:
    idle = figures.idle
    if idle is None:
        return "not measured"
    grown = (idle.after_bytes - idle.before_bytes) / idle.conversations * 1_000
    return f"{grown / _MEBIBYTE:+.0f} MiB on {idle.before_bytes / _MEBIBYTE:.0f} MiB"


if __name__ == "__main__":
    main(sys.argv[1:])
