"""The page of portability rules names contracts and capabilities that exist, and all of them."""

from __future__ import annotations

import inspect
import re

import pytest

from perdure.spi import Capability
from perdure.testing import BackendTarget, contract, crash_points
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "portability.md").read_text(encoding="utf-8")
_CONTRACT_LINES = re.findall(r"^Contracts: (.+?)(?:\n\n|\Z)", PAGE, re.MULTILINE | re.DOTALL)
_ROWS = re.findall(r"^\| `(\w+)` \| .* \| (`.*`) \|$", PAGE, re.MULTILINE)
_NAMES = {each.__name__ for each in contract.ALL} | {"Complete"}


def _named(text: str) -> set[str]:
    return set(re.findall(r"`([A-Z][a-z]\w+)`", text))


def test_each_rule_has_its_number_and_its_contracts() -> None:
    rules = [int(number) for number in re.findall(r"^### (\d+)\. ", PAGE, re.MULTILINE)]
    assert rules == list(range(1, 16))
    sections = re.findall(r"^### .*?(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert [each.partition("\n")[0] for each in sections if "\nContracts: " not in each] == []


def test_every_contract_that_is_named_exists_and_none_is_left_out() -> None:
    named = set().union(*map(_named, _CONTRACT_LINES), *(_named(cell) for _, cell in _ROWS))
    assert named == _NAMES


def test_every_capability_is_beside_the_contracts_that_need_it() -> None:
    said = {capability: _named(cell) for capability, cell in _ROWS if capability in set(Capability)}
    assert set(said) == {str(each) for each in Capability}
    for capability, names in said.items():
        for name in names:
            needs = contract.capabilities_needed(getattr(contract, name))
            assert capability in needs, f"{name} does not need {capability}"


@pytest.mark.parametrize("number", range(1, 16))
def test_a_rule_of_the_base_set_names_contracts_of_the_base_set(number: int) -> None:
    (section,) = re.findall(rf"^### {number}\. .*?(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    names = _named(section.partition("\nContracts: ")[2]) & _NAMES - {"Complete"}
    base = {each.__name__ for each in contract.BASE}
    assert names
    assert names <= base


def test_every_argument_of_a_target_and_every_crash_point_is_explained() -> None:
    arguments = set(inspect.signature(BackendTarget).parameters) - {"url", "folder"}
    assert [name for name in arguments if f"| `{name}` |" not in PAGE] == []
    assert [place for place in crash_points.PLACES if f"`{place}`" not in PAGE] == []
    assert f"`{crash_points.VARIABLE}=" in PAGE
