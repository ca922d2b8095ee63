"""Each contract sees the flaw that it is there for: backends broken in one way each are caught."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from perdure.testing import contract
from perdure.testing.report import from_json
from tests.conformance.broken import FLAWS, Sound

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(240)

_TARGET = """\
from datetime import timedelta
import pytest
from perdure.testing import BackendTarget, contract

@pytest.fixture
def backend_target(request, tmp_path):
    flaw = request.cls.flaw
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    target = BackendTarget(
        url,
        folder=tmp_path,
        factory=f"tests.conformance.broken:{flaw}",
        patience=timedelta(seconds=3),
        has_manual_clock=True,
    )
    yield target
    target.close()
"""
_CLASS = """
class Test{flaw}(contract.{contract}):
    flaw = {flaw!r}
"""


def _run(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a suite in a process of its own, so that the whole plugin is in it."""
    suite = folder / "test_suite.py"
    suite.write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "perdure.testing.plugin"]
    command += ["-p", "no:cacheprovider", "-c", str(folder / "pytest.ini"), "-rA", "--tb=line"]
    command += [*arguments, str(suite)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _chosen(output: str) -> dict[str, set[str]]:
    """Return what became of the tests that ``FLAWS`` names, by class."""
    found: dict[str, set[str]] = {}
    for flaw, (held, test) in FLAWS.items():
        name, _, parameter = test.partition("[")
        pattern = rf"^(\w+) .*::(Test{flaw.__name__}|Test{held})::test_\w*{name}\w*"
        pattern += re.escape(f"[{parameter}") if parameter else r"(?:$| )"
        for word, suite in re.findall(pattern, output, re.MULTILINE):
            found.setdefault(suite, set()).add(word)
    return found


def _outcomes(output: str) -> dict[str, set[str]]:
    """Return what became of the tests of each class: ``{"TestX": {"PASSED", "FAILED"}}``."""
    found: dict[str, set[str]] = {}
    for line in output.splitlines():
        word, _, rest = line.partition(" ")
        if word in {"PASSED", "FAILED", "ERROR"} and "::" in rest:
            found.setdefault(rest.split("::")[1], set()).add(word)
    return found


def test_every_flaw_is_caught_by_the_contract_that_is_there_for_it(tmp_path: Path) -> None:
    classes = [
        _CLASS.format(flaw=flaw.__name__, contract=held) for flaw, (held, _) in FLAWS.items()
    ]
    chosen = [f"(Test{flaw.__name__} and {_words(test)})" for flaw, (_, test) in FLAWS.items()]
    done = _run(tmp_path, _TARGET + "".join(classes), "-k", " or ".join(chosen))
    outcomes = _chosen(done.stdout)
    missed = [flaw.__name__ for flaw in FLAWS if outcomes.get(f"Test{flaw.__name__}") != {"FAILED"}]
    assert missed == [], done.stdout


def test_a_backend_wrapped_in_the_same_way_without_a_flaw_is_not_blamed(tmp_path: Path) -> None:
    tests = dict(FLAWS.values())
    classes = [
        f"\nclass Test{held}(contract.{held}):\n    flaw = {Sound.__name__!r}\n" for held in tests
    ]
    chosen = [f"(Test{held} and {_words(test)})" for held, test in tests.items()]
    done = _run(tmp_path, _TARGET + "".join(classes), "-k", " or ".join(chosen))
    assert done.returncode == 0, done.stdout
    assert _chosen(done.stdout) == {f"Test{held}": {"PASSED"} for held in tests}


def test_there_is_a_flaw_for_every_contract() -> None:
    seen = {held for held, _ in FLAWS.values()}
    # It needs a server; test_server_recovery.py shows that it can fail.
    assert {each.__name__ for each in contract.ALL} - seen == {"ServerRecovery"}


def _words(test: str) -> str:
    """Return a test's name as ``-k`` takes it: with its parameter as a second word."""
    name, _, parameter = test.partition("[")
    return f"{name} and {parameter.rstrip(']')}" if parameter else name


def _suite_without(missing: str = "", extra: str = "") -> str:
    held = [each.__name__ for each in (*contract.ALL, contract.Complete)]
    classes = [f"\nclass Test{name}(contract.{name}):\n    flaw = 'Sound'\n" for name in held]
    return _TARGET + "".join(each for each in classes if f".{missing})" not in each) + extra


@pytest.mark.parametrize(
    ("missing", "test"), [("Purge", "base_set_is_in_the_suite"), ("Tags", "declared_capability")]
)
def test_a_suite_that_lacks_a_contract_is_caught(tmp_path: Path, missing: str, test: str) -> None:
    done = _run(tmp_path, _suite_without(missing), "-k", f"TestComplete and {test}")
    assert _outcomes(done.stdout) == {"TestComplete": {"FAILED"}}, done.stdout
    assert missing.lower() in done.stdout.lower()


@pytest.mark.parametrize(
    "extra",
    [
        """
class TestPurge(contract.Purge):
    flaw = 'Sound'
    def test_a_purged_instance_is_gone(self): ...
""",
        "\n@pytest.mark.skip\nclass TestPurge(contract.Purge):\n    flaw = 'Sound'\n",
        "\n@pytest.mark.capability('tags')\nclass TestPurge(contract.Purge):\n    flaw = 'Sound'\n",
    ],
    ids=["replaced", "skipped", "declared away"],
)
def test_a_suite_that_takes_a_test_of_the_base_set_away_is_caught(
    tmp_path: Path, extra: str
) -> None:
    done = _run(tmp_path, _suite_without(extra=extra), "-k", "TestComplete and left_out")
    assert _outcomes(done.stdout) == {"TestComplete": {"FAILED"}}, done.stdout


def test_a_whole_suite_is_complete(tmp_path: Path) -> None:
    done = _run(tmp_path, _suite_without(), "-k", "TestComplete")
    assert _outcomes(done.stdout) == {"TestComplete": {"PASSED"}}, done.stdout


def test_a_flaw_is_seen_in_the_report(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    source = _TARGET + _CLASS.format(flaw="DropsAnEvent", contract="Events")
    done = _run(tmp_path, source, "--conformance-report", str(report), "-k", "order or no_time")
    assert done.returncode == 1
    (backend,) = from_json(report.read_text(encoding="utf-8")).backends
    events = backend.find("Events")
    assert events is not None
    assert (events.passed, events.failed) == (1, 1)
    assert events.cell == "**fails 1 of 2**"
    assert "order" in events.note
