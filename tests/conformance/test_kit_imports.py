"""Third parties install the kit: its contracts use what perdure offers to everybody, and pytest."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from tests.sources import Source, core_sources

# The kit itself, and the packages that are public; what is said of ``perdure`` is a name of it.
_PUBLIC = ("perdure.spi", "perdure.testing", "perdure.payloads")
_CONTRACTS = [
    each for each in core_sources() if each.module.startswith("perdure.testing.contract.")
]


def _is_public(name: str) -> bool:
    if name.split(".")[0] in {"pytest", *sys.stdlib_module_names}:
        return True
    if name.startswith(_PUBLIC):
        return not any(part.startswith("_") for part in name.split("."))
    package, _, attribute = name.partition(".")
    return package == "perdure" and attribute in {"", *importlib.import_module("perdure").__all__}


@pytest.mark.parametrize("source", _CONTRACTS, ids=lambda source: source.path.stem)
def test_a_contract_imports_only_what_is_public(source: Source) -> None:
    assert [name for name, _ in source.imports() if not _is_public(name)] == []


def test_the_check_can_find_a_fault() -> None:
    assert not _is_public("perdure._portal.finish")
    assert not _is_public("perdure.embedded.backend.EmbeddedBackend")
    assert _is_public("perdure.Registry")


def test_users_of_the_test_environment_need_not_have_the_contracts_imported() -> None:
    program = "import perdure.testing, sys; print('perdure.testing.contract' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
