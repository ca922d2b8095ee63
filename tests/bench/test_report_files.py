"""``perdure bench report`` as it is typed: its files, and documents with marks."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
from perdure_bench.ratios import ratio_over_passes
from perdure_bench.run_folder import RunFolder

from tests.bench import report_runs
from tests.bench.test_run import outcome

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)

MARKED = """# Speed

<!-- benchmarks -->
old
<!-- end of benchmarks -->

between `<!-- benchmarks -->` and the end

<!-- benchmarks: actions failures -->
<!-- end of benchmarks -->
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Return the folder of a run of two suites."""
    cells = [*report_runs.actions(), *report_runs.ladders()[:4]]
    folder = RunFolder(tmp_path / "run")
    folder.begin(report_runs.run_with([]))
    for found in cells:
        folder.add(found)
    raw = {"datetime": "2026-11-28T18:00:00+00:00"}
    (folder.path / "pytest-benchmark.json").write_text(json.dumps(raw))
    return folder.path


def test_a_page_and_markdown_are_in_the_folder(run: Path) -> None:
    code, out, err = outcome(run.parent, "report", "run")
    assert (code, out.split()) == (0, ["run/report.html", "run/report.md"]), err
    assert "measured on 2026-11-28" in (run / "report.html").read_text()
    assert (run / "report.md").read_text().startswith("# Workflow backends")


def test_prices_of_the_command_line_make_costs(run: Path) -> None:
    options = ("--price-per-million-actions", "3", "--currency", "EUR", "--into", "x.html")
    code, _, err = outcome(run.parent, "report", "run", *options)
    assert code == 0, err
    assert 'id="chart-cost"' in (run.parent / "x.html").read_text()
    assert "EUR" in (run.parent / "x.md").read_text()


def test_what_is_between_marks_is_replaced_and_nothing_else(run: Path) -> None:
    document = run.parent / "speed.md"
    document.write_text(MARKED)
    code, out, err = outcome(run.parent, "report", "run", "--document", "speed.md")
    assert (code, out) == (0, "speed.md\n"), err
    text = document.read_text()
    assert "old" not in text
    assert "between `<!-- benchmarks -->` and the end" in text
    assert "| 20 timeouts around 20 calls | perdure | 63 | 83 |" in text
    assert "### What failed" in text
    assert not (run / "report.html").exists()
    outcome(run.parent, "report", "run", "--document", "speed.md")
    assert document.read_text() == text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("report", "nowhere"), 4, "nowhere has no run"),
        (("report", "run", "--document", "plain.md"), 2, "has no marks"),
        (("report", "run", "--document", "wrong.md"), 2, "no part 'latncy'"),
    ],
)
def test_what_cannot_be_done_is_said(
    run: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    (run.parent / "plain.md").write_text("nothing here\n")
    (run.parent / "wrong.md").write_text(
        "<!-- benchmarks: latncy -->\n<!-- end of benchmarks -->\n"
    )
    found, _, err = outcome(run.parent, *words)
    assert found == code
    assert said in err


def test_a_ratio_over_passes_is_the_middle_of_those_of_the_passes() -> None:
    theirs = {1: [1.0] * 5, 2: [10.0] * 5, 3: [2.0] * 5}
    ours = {1: [1.1] * 5, 2: [12.0] * 5, 3: [2.6] * 5, 4: [99.0] * 5}
    found = ratio_over_passes(ours, theirs)
    assert asdict(found) == {"value": pytest.approx(1.2), "low": 1.1, "high": 1.3, "passes": 3}


def test_one_pass_has_a_ratio_and_no_interval() -> None:
    found = ratio_over_passes({1: [2.0] * 50}, {1: [1.0] * 50})
    assert (found.value, found.low, found.high) == (2.0, None, None)
    with pytest.raises(ValueError, match="at least one pass"):
        ratio_over_passes({1: [2.0]}, {2: [1.0]})
