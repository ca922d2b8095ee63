"""The documents name everything there is, their links lead somewhere, and their code runs."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import config, errors
from perdure.embedded.location import Location
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
DOCUMENTS += sorted(path for path in (ROOT / "docs").rglob("*.md"))
DOCUMENTS += [ROOT / folder / "README.md" for folder in ("plugins", "examples", "benchmarks")]
DOCUMENTS += sorted((ROOT / "plugins").glob("*/README.md"))

_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")
_PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _all_text() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def _missing(names: list[str]) -> list[str]:
    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", _all_text()))
    return sorted(set(names) - words)


def _programs(document: Path) -> list[str]:
    return _PYTHON.findall(document.read_text(encoding="utf-8"))


def _anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_every_public_name_is_documented() -> None:
    assert _missing([name for name in perdure.__all__ if not name.startswith("_")]) == []


def test_every_error_is_in_the_page_of_errors() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    classes = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, BaseException)
    ]
    assert [name for name in classes if f"`{name}`" not in page] == ["CarriesFailure"]


def test_every_setting_is_documented() -> None:
    variables = [value for name, value in vars(config).items() if name.endswith("_VARIABLE")]
    options = [field.name for field in dataclasses.fields(Location) if field.name != "path"]
    assert len(variables) >= 5
    assert _missing([*variables, *options, *config._PROFILE_KEYS]) == []


def test_every_command_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) - {"help"}
    contributing = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    assert {target for target in targets if f"`make {target}`" not in contributing} == set()
    assert set(re.findall(r"make ([a-z-]+)(?=`|  )", _all_text())) <= targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=_relative)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for target, anchor in _LINK.findall(document.read_text(encoding="utf-8")):
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in _anchors(path)):
            broken.append(f"{target}#{anchor}" if anchor else target)
    assert broken == []


@pytest.mark.parametrize(
    "document", [d for d in DOCUMENTS if d.name != "README.md" and _programs(d)], ids=_relative
)
@pytest.mark.timeout(90)
def test_every_program_in_a_document_runs(document: Path, tmp_path: Path) -> None:
    # One after the other in one folder, as a reader would who tries them all.
    for number, program in enumerate(_programs(document), start=1):
        script = tmp_path / f"program_{number}.py"
        script.write_text(program, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 0, f"program {number} of {document.name}:\n{done.stderr}"


@pytest.mark.timeout(60)
def test_the_program_of_the_readme_survives_a_kill_as_it_says(tmp_path: Path) -> None:
    script = tmp_path / "trips.py"
    script.write_text(_programs(ROOT / "README.md")[0], encoding="utf-8")
    command = [sys.executable, "-u", str(script)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        asked = [process.stdout.readline(), process.stdout.readline()]
        time.sleep(1)  # into the workflow's own sleep
        process.kill()
    again = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True
    )
    assert sorted(asked) == ["asking for Oslo\n", "asking for Paris\n"]
    assert again.stdout == "Oslo for 400\n"
