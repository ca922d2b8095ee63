"""The suite ``actions``: patterns counted on the wire of the stand-in, and in journals."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from perdure_bench.billing.actions import Actions
from perdure_bench.billing.patterns import PATTERNS, Flaky
from perdure_bench.billing.wire import counted
from perdure_bench.places.embedded_place import EmbeddedPlace
from perdure_bench.places.place import PlaceError

if TYPE_CHECKING:
    from pathlib import Path

# By the billing page and by the metrics page: of perdure, and of Microsoft's SDK.
FIGURES = {
    "sequence of 3": ((7, 7), (7, 7)),
    "fan-out of 5": ((11, 11), (11, 11)),
    "timer": ((2, 3), (2, 3)),
    "20 timeouts around 20 calls": ((41, 42), (41, 61)),
    "activity that fails twice": ((9, 11), (9, 11)),
    "event": ((2, 2), (2, 2)),
    "child with 3 activities": ((9, 9), (9, 9)),
    "child with an id of its own": ((13, 13), (9, 9)),
    "continue-as-new, 3 times": ((4, 4), (4, 4)),
    "suspend, resume, event": ((4, 4), (4, 4)),
    "terminate": ((2, 2), (2, 2)),
}
ONE_RUN_ONLY = "continue-as-new, 3 times"


@pytest.mark.timeout(240)
def test_patterns_cost_the_same_on_the_wire_and_in_journals(tmp_path: Path) -> None:
    command = ["run", "--native", "--backends", "azure", "--suite", "actions", "--into", "run"]
    words = [sys.executable, "-m", "perdure", "bench", *command]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "run" / "cells.jsonl").read_text().splitlines()
    cells = map(json.loads, lines)
    found = {(each["cell"]["workload"], each["cell"]["way"]): each for each in cells}
    assert set(FIGURES) == set(PATTERNS)
    for pattern, (ours, theirs) in FIGURES.items():
        for way, expected in (("perdure", ours), ("native", theirs)):
            figures = found[pattern, way]["figures"]
            assert (figures["actions.published"], figures["actions.metrics"]) == expected
        figures, note = found[pattern, "perdure"]["figures"], found[pattern, "perdure"]["note"]
        in_journals = figures["journal.published"], figures["journal.metrics"]
        if pattern == ONE_RUN_ONLY:
            assert in_journals == (1, 1)
            assert "the journals come to 1 and 1, the wire has 4 and 4" in note
        else:
            assert (in_journals, note) == (ours, "")
    agent = found["agent with 20 tool calls", "perdure"]["figures"]
    assert agent["journal.published"] == agent["actions.published"] == 83


def test_only_the_stand_in_counts(tmp_path: Path) -> None:
    with pytest.raises(PlaceError, match="counted by the stand-in only"):
        counted(EmbeddedPlace(tmp_path))


def test_what_was_added_has_only_what_grew() -> None:
    before = Actions(kinds={"events": 2, "suspends": 1})
    after = Actions(kinds={"events": 5, "suspends": 1, "timers_scheduled": 1})
    assert (after - before).kinds == {"events": 3, "timers_scheduled": 1}
    assert ((after - before).published, (after - before).metrics) == (3, 4)


def test_an_activity_fails_twice_for_each_instance() -> None:
    flaky = Flaky()
    outcomes = []
    for _ in range(6):
        try:
            outcomes.append(flaky.run())
        except ValueError:
            outcomes.append("failed")
    assert outcomes == ["failed", "failed", "done"] * 2
