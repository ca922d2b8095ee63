"""The table of shapes names tests that are there, and leaves out none of the shapes."""

from __future__ import annotations

import re
from pathlib import Path

from backends import players

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)
_VERDICTS = ("works", "refused", "in a module")


def _section() -> str:
    return README.split("\n## What works\n")[1].split("\n## ")[0]


def rows() -> list[list[str]]:
    """Return the cells of all rows of the table."""
    section = _section().split("\n### ", maxsplit=1)[1]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[0] not in ("Shape", "---")]


def names_in(folder: Path) -> set[str]:
    """Return the names of the tests below a folder."""
    texts = (file.read_text(encoding="utf-8") for file in sorted(folder.rglob("test_*.py")))
    return {name for text in texts for name in _TEST.findall(text)}


def named() -> set[str]:
    """Return the tests that the table names."""
    return {name for row in rows() for name in re.findall(r"`(test_\w+)`", row[-1])}


def test_every_test_that_is_named_exists() -> None:
    assert named()
    assert sorted(named() - names_in(TESTS)) == []


def test_every_shape_is_named() -> None:
    assert sorted(names_in(TESTS / "shapes") - named()) == []


def test_every_row_says_what_happens_and_by_which_test() -> None:
    assert len(rows()) > 50
    bad = [row[0] for row in rows() if len(row) != 3 or not row[1].startswith(_VERDICTS)]
    assert bad == []
    assert [row[0] for row in rows() if "test_" not in row[-1]] == []


def test_as_many_shapes_are_counted_as_there_are() -> None:
    counted = re.findall(r"^\| .* \| (\d+) \| \d*", _section(), re.MULTILINE)
    assert counted == [str(sum(1 for _ in players.tests()))] * 4
