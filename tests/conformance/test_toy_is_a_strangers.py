"""What the toy backend is to show: a stranger's backend, whole, in under 200 lines."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path

import perdure_toy

from perdure.spi import Backend, Capability

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "tests/toy_backend/src/perdure_toy").rglob("*.py"))
METHODS = {
    Capability.SUSPEND: "suspend",
    Capability.QUERY: "query",
    Capability.HISTORY: "history",
    Capability.RESTART: "restart",
}


def _imports(source: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_it_has_fewer_than_200_lines() -> None:
    assert sum(len(source.read_text().splitlines()) for source in SOURCES) < 200


def test_it_imports_the_seam_and_the_standard_library_alone() -> None:
    for source in SOURCES:
        for name in _imports(source):
            is_seam = name == "perdure.spi" or name.startswith("perdure.spi.")
            assert is_seam or name.partition(".")[0] in sys.stdlib_module_names, name


def test_it_declares_what_it_has_written_and_nothing_else() -> None:
    declared = perdure_toy.ToyBackend("toy").capabilities
    for capability, method in METHODS.items():
        is_written = getattr(perdure_toy.ToyBackend, method) is not getattr(Backend, method)
        assert (capability in declared) == is_written
    assert declared <= METHODS.keys()


def test_the_guide_to_backends_quotes_it_as_it_is() -> None:
    guide = (ROOT / "docs/write-a-backend.md").read_text()
    quotes = re.findall(r"```py\n(.*?)```", guide, flags=re.DOTALL)
    assert quotes
    for quote in quotes:
        assert _bare(quote) in _bare(inspect.getsource(perdure_toy)), quote


def _bare(text: str) -> str:
    # In the guide methods stand on their own, so their indentation and blank lines are others.
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())
