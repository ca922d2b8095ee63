"""The feature table names tests that are there, and leaves out none of the comparisons."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
_WITHOUT_A_TEST = ("not applicable",)
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def rows() -> list[list[str]]:
    """Return the cells of all rows of the feature tables."""
    features = README.split("\n## Features\n")[1].split("\n## ")[0]
    lines = [line for line in features.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] != "Feature"]


def names_in(folder: Path) -> list[str]:
    """Return the names of the tests below a folder."""
    files = sorted(folder.rglob("test_*.py"))
    return [name for file in files for name in _TEST.findall(file.read_text(encoding="utf-8"))]


def named() -> set[str]:
    """Return the tests that the table names."""
    return {name for row in rows() for name in re.findall(r"`(test_\w+)`", row[-1])}


def test_every_test_that_is_named_exists() -> None:
    assert named()
    assert sorted(named() - set(names_in(TESTS))) == []


def test_every_comparison_is_named() -> None:
    assert sorted(set(names_in(TESTS / "features")) - named()) == []


def test_every_row_says_how_it_is_shown() -> None:
    assert len(rows()) > 40
    bare = [row for row in rows() if len(row) != 3 or "test_" not in row[-1]]
    assert [row[0] for row in bare if not row[1].startswith(_WITHOUT_A_TEST)] == []
