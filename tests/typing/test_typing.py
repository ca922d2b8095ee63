"""Type checkers accept what is right and reject, line by line, what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
ACCEPTED, REJECTED = FOLDER / "accepted.py", FOLDER / "rejected.py"
ERROR = re.compile(r"(?P<file>[^:]+):(?P<line>\d+): error: (?P<message>.*)")
MARK = "# error:"


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, dict[int, str]]:
    """Return what mypy says of both files, by file and line; it runs once."""
    pytest.importorskip("mypy")
    configuration = tmp_path_factory.mktemp("mypy") / "mypy.ini"
    configuration.write_text("[mypy]\nstrict = true\n", encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", str(configuration)]
    command += ["--cache-dir", str(configuration.parent), "--no-error-summary", "--no-pretty"]
    command += ["--explicit-package-bases", "--hide-error-context", "--no-color-output"]
    command += ["--follow-imports", "silent"]  # only these two files are judged here
    command += [str(ACCEPTED), str(REJECTED)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT / "src", check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found: dict[Path, dict[int, str]] = {}
    for match in filter(None, map(ERROR.fullmatch, done.stdout.splitlines())):
        file = (ROOT / "src" / match["file"]).resolve()
        found.setdefault(file, {}).setdefault(int(match["line"]), match["message"])
    return found


def marked_lines(file: Path) -> set[int]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return {number for number, line in enumerate(lines, start=1) if MARK in line}


@pytest.mark.timeout(180)
def test_everything_right_is_accepted(errors: dict[Path, dict[int, str]]) -> None:
    assert errors.get(ACCEPTED, {}) == {}


@pytest.mark.timeout(180)
def test_every_marked_line_is_rejected(errors: dict[Path, dict[int, str]]) -> None:
    marked = marked_lines(REJECTED)

    assert len(marked) > 50
    assert sorted(marked - errors[REJECTED].keys()) == []


@pytest.mark.timeout(180)
def test_nothing_else_is_rejected(errors: dict[Path, dict[int, str]]) -> None:
    marked = marked_lines(REJECTED)

    assert {line: it for line, it in errors[REJECTED].items() if line not in marked} == {}
