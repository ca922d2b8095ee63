"""The project's own Python files, read once, for the tests that look at code and do not run it."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src" / "perdure"
_FOLDERS = ("src", "tests", "examples", "benchmarks", "scripts", "plugins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file of Python."""

    path: Path
    lines: int
    tree: ast.Module

    @property
    def name(self) -> str:
        """The path from the project's root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def module(self) -> str:
        """The dotted name, for a file of the core."""
        parts = self.path.relative_to(CORE.parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def imports(self) -> Iterator[tuple[str, int]]:
        """Yield each import anywhere in the file, with its line; ``from a import b`` is ``a.b``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@cache
def all_sources() -> tuple[Source, ...]:
    """Return every Python file of the project."""
    paths = [path for folder in _FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(_read(path) for path in paths)


def core_sources() -> tuple[Source, ...]:
    """Return the files of ``src/perdure``."""
    return tuple(source for source in all_sources() if source.path.is_relative_to(CORE))


def _read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    return Source(path=path, lines=text.count("\n"), tree=ast.parse(text, str(path)))
