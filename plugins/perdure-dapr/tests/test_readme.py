"""The README is true: its programs run, what it quotes is said, what can be set is in it."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perdure
import perdure_dapr
from perdure.spi.bridge.envelope import MARK
from perdure_dapr import address
from perdure_dapr.stack import programs
from perdure_dapr.stack.options import DECLARED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure_dapr.stack import DaprStack

PLUGIN = Path(__file__).parents[1]
README = (PLUGIN / "README.md").read_text(encoding="utf-8")
MANIFEST = (PLUGIN / "kubernetes" / "worker.yaml").read_text(encoding="utf-8")

_PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"`([^`]+)`")


def programs_of_the_readme() -> list[str]:
    return _PROGRAM.findall(README)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def texts(folder: Path) -> Iterator[str]:
    """Yield what the code of a folder can say."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield " ".join(node.value.split())


@pytest.mark.timeout(900)  # the first run on a machine builds Dapr
def test_the_first_program_takes_ten_megabytes_through_an_activity(
    dapr_stack: DaprStack, tmp_path: Path
) -> None:
    script = tmp_path / "trips.py"
    script.write_text(programs_of_the_readme()[0], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        env={**os.environ, **dapr_stack.environment, "XDG_STATE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "Oslo for 400\n"), done.stderr


def test_the_program_that_tests_an_app_fits_the_stack() -> None:
    whole = {"__name__": "example"}
    exec(compile(programs_of_the_readme()[1], "README.md", "exec"), whole)
    assert "dapr" in whole


def test_everything_that_can_be_set_is_in_it() -> None:
    variables = {value for name, value in vars(address).items() if name.endswith("_VARIABLE")}
    named = {*variables, programs.FOLDER_VARIABLE, *(f"?{name}=" for name in address._OPTIONS)}
    stack = {f"--{option.name.replace('_', '-')}" for option in DECLARED}
    assert len(variables) == 5
    assert {name for name in named if name not in README} == set()
    assert f"the key `{MARK}`" in README
    # The others are in the document of the stack.
    assert {"--state", "--mtls", "--api-token", "--sidecars", "--max-body-size"} <= stack
    assert set(re.findall(r"(?<=stack up dapr )--[a-z-]+", README)) <= stack


def test_every_message_that_it_explains_is_one_that_is_said() -> None:
    said = [*texts(Path(perdure_dapr.__path__[0])), *texts(Path(perdure.__path__[0]))]
    rows = re.findall(r"^\| (`.*?) \| ", section("When something is wrong"), re.MULTILINE)
    quoted = [piece for row in rows for text in _QUOTED.findall(row) for piece in text.split("…")]
    pieces = [piece.strip(" ;,") for piece in quoted]
    ours = [piece for piece in pieces if " " in piece and piece != "duplicate symbol"]
    assert len(ours) > 12
    assert [piece for piece in ours if not any(piece in text for text in said)] == []


def test_its_annotations_are_those_of_the_manifest() -> None:
    shown = re.findall(r"dapr\.io/[a-z-]+: \S+", section("Kubernetes"))
    assert len(shown) >= 7
    assert [line for line in shown if line not in MANIFEST] == []
