"""The matrix in the README is that of the last report, and the report is that of today's kit.

When one of these fails::

    python -m pytest tests/conformance/test_embedded.py --conformance-report docs/conformance.json
    python -m perdure.testing.report docs/conformance.json README.md
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from perdure.spi import Capability
from perdure.testing import contract
from perdure.testing.contract.contract import cases_of
from perdure.testing.report import (
    BEGIN,
    END,
    BackendResult,
    ContractResult,
    Matrix,
    from_json,
    insert,
    to_json,
    to_markdown,
    write,
)
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

REPORT = ROOT / "docs" / "conformance.json"


def _matrix() -> Matrix:
    return from_json(REPORT.read_text(encoding="utf-8"))


def _declared(backend: BackendResult, capability: Capability) -> str:
    if capability not in backend.capabilities:
        return "no"
    return "emulated" if capability in backend.emulated else "yes"


def _result(name: str, *, passed: int = 0, failed: int = 0, note: str = "") -> ContractResult:
    return ContractResult(contract=name, passed=passed, failed=failed, note=note)


def test_the_readme_shows_the_last_report() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text == insert(text, to_markdown(_matrix())), "the matrix in README.md is stale"


def test_the_last_report_is_about_the_contracts_of_today() -> None:
    today = {each.__name__: cases_of(each) for each in contract.ALL}
    for backend in _matrix().backends:
        reported = {each.contract: each.cases for each in backend.contracts}
        assert reported == today, f"the report on {backend.backend} is stale"


def test_every_backend_in_the_report_keeps_the_base_set_and_all_it_declares() -> None:
    for backend in _matrix().backends:
        for each in contract.ALL:
            result = backend.find(each.__name__)
            assert result is not None
            assert result.failed == 0, (backend.backend, each.__name__)
            if {str(need) for need in contract.capabilities_needed(each)} - {*backend.capabilities}:
                assert result.note == "not declared"
            elif each is not contract.ServerRecovery:
                assert result.skipped == 0, (backend.backend, each.__name__)


def test_the_page_of_rules_shows_who_declares_what() -> None:
    page = (ROOT / "docs" / "portability.md").read_text(encoding="utf-8")
    (head,) = re.findall(r"^\| Capability \| (`.*`) \|$", page, re.MULTILINE)
    backends = {each.backend: each for each in _matrix().backends}
    names = re.findall(r"`(\w+)`", head)
    assert names == [name for name in backends if name != "toy"]
    for capability in Capability:
        cells = " | ".join(_declared(backends[name], capability) for name in names)
        assert f"\n| `{capability}` | {cells} |\n" in page


def test_the_embedded_engine_declares_everything() -> None:
    (embedded,) = (each for each in _matrix().backends if each.backend == "sqlite")
    assert set(embedded.capabilities) == {str(each) for each in Capability}


def test_there_is_a_contract_for_every_capability() -> None:
    tested = frozenset[Capability]().union(*map(contract.capabilities_needed, contract.ALL))
    assert tested == set(Capability)


def test_no_two_contracts_use_one_name_for_a_workflow_or_an_activity() -> None:
    registries = {id(each.registry): each.registry for each in contract.ALL}.values()
    names = [name for each in registries for name in (*each.workflows, *each.activities)]
    assert len(names) == len(set(names))


def test_a_report_is_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    assert from_json(to_json(_matrix())) == _matrix()
    write(_matrix(), tmp_path / "report.json")
    write(_matrix(), tmp_path / "report.json")
    assert from_json((tmp_path / "report.json").read_text(encoding="utf-8")) == _matrix()


def test_a_new_report_replaces_what_it_ran_and_keeps_the_rest() -> None:
    one = BackendResult(
        backend="one",
        capabilities=("query",),
        contracts=(_result("Lifecycle", passed=1), _result("Events", passed=2)),
    )
    other = replace(one, backend="other")
    newer = replace(one, contracts=(_result("Events", failed=1, note="test_x"),))
    merged = Matrix(backends=(other, one)).updated(Matrix(backends=(newer,)))
    assert [each.backend for each in merged.backends] == ["one", "other"]
    assert merged.backends[1] == other
    assert [each.cell for each in merged.backends[0].contracts] == ["kept (1)", "**fails 1 of 1**"]


def test_an_emulation_is_named_as_such() -> None:
    backend = BackendResult(
        backend="x",
        capabilities=("suspend",),
        emulated=("suspend",),
        contracts=(_result("Suspend", passed=6),),
    )
    assert "| kept (6), emulated |" in to_markdown(Matrix(backends=(backend,)))


def test_a_document_without_markers_is_left_alone(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("nothing here", encoding="utf-8")
    with pytest.raises(ValueError, match="conformance matrix"):
        write(_matrix(), document)
    assert document.read_text(encoding="utf-8") == "nothing here"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter", encoding="utf-8")
    write(_matrix(), document)
    text = document.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter")
    assert "old" not in text
    assert "| Lifecycle |" in text


@pytest.mark.parametrize("text", ["[]", '{"version": 99}', "{}"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="conformance matrix"):
        from_json(text)
