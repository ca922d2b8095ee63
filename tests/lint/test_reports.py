"""How faults are told and left unsaid: the line, the remedy, suppressions, files and modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure._lint_rules import NAMES
from perdure.errors import ConfigurationError
from perdure.lint import lint_module, lint_source
from tests.lint.checking import expected_and_found, workflow
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BAD = """\
import time
import perdure
app = perdure.App("x")
def stamp(): return time.time()
@app.workflow
async def plan():
    time.sleep(1)
    return stamp()
"""


def test_a_finding_says_where_what_and_what_instead() -> None:
    clock, sleep = map(str, lint_source(BAD, path="shop.py"))

    assert clock == (
        "shop.py:4: clock: uses time.time in stamp(), which workflow 'plan' uses; use perdure.now()"
    )
    assert sleep == (
        "shop.py:7: sleep: uses time.sleep in workflow 'plan'; "
        "use await asyncio.sleep(…), a durable timer"
    )


def test_a_comment_lets_a_line_pass() -> None:
    code = workflow("""
    a = time.time()  # perdure: ignore
    b = time.time()  # perdure: ignore[clock]
    c = time.time()  # perdure: ignore[random, clock] for the log only
    d = time.time()  # perdure:ignore[random] # bad: clock
    e = "# perdure: ignore", time.time()  # bad: clock
    f = max(
        1,
        time.time(),  # perdure: ignore
    )
    """)
    expected, found = expected_and_found(code)

    assert found == expected


def test_a_comment_at_a_def_lets_the_function_pass() -> None:
    code = """
    def helper():  # perdure: ignore[clock]
        return time.time(), random.random()  # bad: random

    @app.workflow
    async def plan():
        return helper(), time.time()  # bad: clock
    """
    expected, found = expected_and_found(code)

    assert found == expected


def test_a_comment_for_a_rule_that_there_is_not_is_told() -> None:
    text = BAD.replace("time.sleep(1)", "time.sleep(1)  # perdure: ignore[sleeping]")

    found = [finding for finding in lint_source(text, path="x.py") if finding.line == 7]

    assert [finding.rule for finding in found] == ["sleep", "suppression"]
    assert "no rule 'sleeping'" in str(found[1])
    assert ", ".join(NAMES) in str(found[1])


def test_a_file_a_folder_and_a_module_can_be_linted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_linted").mkdir()
    (tmp_path / "shop_linted" / "__init__.py").write_text("")
    file = tmp_path / "shop_linted" / "flows.py"
    file.write_text(BAD + "raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))

    for target in (file, str(file), tmp_path, "shop_linted.flows", "shop_linted.flows:app"):
        assert [(f.path, f.line) for f in lint_module(target)] == [(str(file), 4), (str(file), 7)]


@pytest.mark.parametrize("target", ["no_such_module", "no/such/file.py", "sys", "no.such.module"])
def test_what_is_not_there_is_told(target: str) -> None:
    with pytest.raises(ConfigurationError, match="no such file, and no such module of Python"):
        lint_module(target)


@pytest.mark.parametrize(("content", "line"), [(b"def plan(:", 1), (b"x = 1\n\xff", 0), (b"\0", 0)])
def test_what_is_not_python_is_a_finding(tmp_path: Path, content: bytes, line: int) -> None:
    (tmp_path / "broken.py").write_bytes(content)

    (finding,) = lint_module(tmp_path / "broken.py")

    assert (finding.rule, finding.line) == ("syntax", line)


@pytest.mark.parametrize("folder", ["examples", "tests/crash", "tests/client", "benchmarks"])
def test_the_workflows_of_this_project_are_clean(folder: str) -> None:
    # What people write in earnest: a finding here is a fault, or a false alarm.
    assert [str(finding) for finding in lint_module(ROOT / folder)] == []
