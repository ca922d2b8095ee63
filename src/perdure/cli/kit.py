"""Running the conformance kit: pytest in a process of its own, over a suite of all contracts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from perdure.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from perdure.cli.shell import Shell

_SUITE = """\
from perdure.testing import contract

for each in (*contract.ALL, contract.Complete):
    name = f"Test{each.__name__}"
    globals()[name] = type(name, (each,), {"__module__": __name__})
del each
"""
_PREFIX = "Test"
_NO_TESTS_RAN = 5
_TESTS_FAILED = 1


@dataclass(slots=True, kw_only=True)
class Held:
    """How a backend kept one contract."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    words: str = ""

    @property
    def count(self) -> int:
        """How many tests the contract has."""
        return self.passed + self.failed + self.skipped

    def record(self) -> dict[str, Any]:
        """Return it as data."""
        return {
            "contract": self.name,
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "note": self.words,
        }


def run_kit(shell: Shell, url: str, *, report: Path | None, only: list[str]) -> list[Held]:
    """Run the kit against a backend; what pytest says goes to stderr.

    Raises:
        CommandError: pytest is missing, or could not run.
    """
    if importlib.util.find_spec("pytest") is None:
        message = "the kit needs pytest, which is not installed"
        raise CommandError(message, step="pip install pytest")
    _check_names(only)
    with tempfile.TemporaryDirectory(prefix="perdure-kit-") as name:
        folder = Path(name)
        suite, results = folder / "test_conformance.py", folder / "results.xml"
        suite.write_text(_SUITE, encoding="utf-8")
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "perdure.testing.plugin"]
        command += ["-p", "no:cacheprovider", "--rootdir", name, "-c", str(folder / "pytest.ini")]
        command += ["--junitxml", str(results), "--conformance-backend", url]
        if not shell.options.debug:
            command += ["--tb=short"]
        if report is not None:
            command += ["--conformance-report", str(report.resolve())]
        if only:
            command += [f"{suite}::{_PREFIX}{contract}" for contract in only]
        else:
            command += [str(suite)]
        done = subprocess.run(command, stdout=sys.stderr.fileno(), check=False)
        if done.returncode not in (ExitCode.OK, _TESTS_FAILED, _NO_TESTS_RAN):
            message = f"pytest ended with code {done.returncode}"
            raise CommandError(message, step="what pytest says above")
        return read_results(results)


def read_results(path: Path) -> list[Held]:
    """Return what pytest's report in the form of JUnit says of each contract."""
    held: dict[str, Held] = {}
    # The file was written a moment ago, by our own process.
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = case.get("classname", "").rpartition(".")[2].removeprefix(_PREFIX)
        contract = held.setdefault(name, Held(name=name))
        broken = case.find("failure") if case.find("error") is None else case.find("error")
        skipped = case.find("skipped")
        if broken is not None:
            contract.failed += 1
            contract.words = contract.words or case.get("name", "")
        elif skipped is not None:
            contract.skipped += 1
            contract.words = contract.words or skipped.get("message", "")
        else:
            contract.passed += 1
    return list(held.values())


def _check_names(only: list[str]) -> None:
    from perdure.testing import contract

    known = [each.__name__ for each in contract.ALL]
    for name in only:
        if name not in known:
            message = f"--only: there is no contract {name!r}"
            step = f"one of {', '.join(known)}"
            raise CommandError(message, step=step, code=ExitCode.USAGE)
