"""The table of agents: what it says, and that a file of figures says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.agents.results import AgentFigures, History, Idle, read_figures, write_figures
from benchmarks.agents.table import markdown

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE = 1024 * 1024
FIGURES = AgentFigures(
    backend="azure",
    conditions={"perdure": "0.1.0", "day": "2026-11-28"},
    tool_turns=20,
    plain_seconds=[1.0, 1.0, 1.0],
    durable_seconds=[1.4, 1.5, 1.6],
    history=History(events=90, history_bytes=20 * 2048, activities=41),
    actions=84,
    idle=Idle(conversations=500, before_bytes=100 * MEBIBYTE, after_bytes=120 * MEBIBYTE),
)


def test_a_row_says_what_a_tool_turn_costs_more() -> None:
    row = markdown([FIGURES]).splitlines()[-1]
    assert row == (
        "| azure (stand-in) | 1000 ms | 1500 ms | 1.50 | too few pairs | 25.0 ms | 2.0 KiB | 41 "
        "| 4.2 | +40 MiB on 100 MiB |"
    )


def test_what_was_not_measured_is_told() -> None:
    row = markdown([replace(FIGURES, backend="dapr", actions=None, idle=None)]).splitlines()[-1]
    assert row.startswith("| dapr | ")
    assert row.endswith("| 41 | none | not measured |")


def test_a_file_gives_back_the_figures(tmp_path: Path) -> None:
    for figures in (FIGURES, replace(FIGURES, actions=None, idle=None)):
        write_figures(tmp_path / "there" / "figures.json", figures)
        assert read_figures(tmp_path / "there" / "figures.json") == figures
