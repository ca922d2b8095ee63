"""Collects what came of contracts while pytest runs, over all its processes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from perdure.testing.report import BackendResult, ContractResult, Matrix, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from perdure.testing.hub import BackendHub

_PROPERTY: Final = "perdure.conformance"


@dataclass(slots=True, kw_only=True)
class _Findings:
    """What is known of one backend so far."""

    capabilities: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()
    contracts: dict[str, ContractResult] = field(default_factory=dict)


def tell(item: pytest.Item, hub: BackendHub) -> None:
    """Note at the test itself which backend it looks at: the note travels with its report."""
    facts = {
        "backend": hub.target.name,
        "capabilities": sorted(hub.capabilities),
        "emulated": sorted(hub.target.emulated),
        "contract": contract_of(item),
    }
    item.user_properties.append((_PROPERTY, json.dumps(facts)))


def contract_of(item: pytest.Item) -> str | None:
    """Return the name of the contract that a test is of, if it is of one of the kit's."""
    from perdure.testing.contract.contract import contracts_among

    kind = getattr(item, "cls", None)
    names = [each.__name__ for each in contracts_among([kind])] if kind is not None else []
    return names[0] if names else None


class ResultCollector:
    """The part of the plugin that writes the report; only in the process that the user began."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._backends: dict[str, _Findings] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test's outcome."""
        told = dict(report.user_properties).get(_PROPERTY)
        if told is None or (report.passed and report.when != "call"):
            return
        facts = json.loads(str(told))
        if facts["contract"] is not None:
            self._count(facts, report)

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        write(self.matrix, self._path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say in a line for each backend what came of it."""
        terminalreporter.section("conformance")
        for backend in self.matrix.backends:
            kept = sum(each.failed == 0 and each.passed > 0 for each in backend.contracts)
            broken = [each.contract for each in backend.contracts if each.failed]
            words = f", fails {', '.join(broken)}" if broken else ""
            terminalreporter.write_line(f"{backend.backend}: keeps {kept} contracts{words}")
        terminalreporter.write_line(f"written to {self._path}")

    @property
    def matrix(self) -> Matrix:
        """What is known so far."""
        found = [
            BackendResult(
                backend=name,
                capabilities=each.capabilities,
                emulated=each.emulated,
                contracts=tuple(each.contracts.values()),
            )
            for name, each in self._backends.items()
        ]
        # Bringing one up to date with itself puts it in order.
        return Matrix(backends=tuple(found)).updated(Matrix(backends=tuple(found)))

    def _count(self, facts: dict[str, Any], report: pytest.TestReport) -> None:
        findings = self._backends.setdefault(facts["backend"], _Findings())
        findings.capabilities = tuple(facts["capabilities"])
        findings.emulated = tuple(facts["emulated"])
        name = facts["contract"]
        so_far = findings.contracts.get(name, ContractResult(contract=name))
        findings.contracts[name] = _counted(so_far, report)


def _counted(so_far: ContractResult, report: pytest.TestReport) -> ContractResult:
    if report.passed:
        return replace(so_far, passed=so_far.passed + 1)
    if report.skipped:
        return replace(so_far, skipped=so_far.skipped + 1, note=so_far.note or _reason(report))
    # A test that passed and whose teardown failed has been counted as passed.
    passed = so_far.passed - (report.when == "teardown")
    test = report.nodeid.rpartition("::")[2]
    note = so_far.note if so_far.failed else test
    return replace(so_far, passed=passed, failed=so_far.failed + 1, note=note)


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return "expected to fail"
