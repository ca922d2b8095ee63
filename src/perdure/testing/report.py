"""The conformance matrix: which backend keeps which contract, as data, as JSON and as Markdown.

``python -m perdure.testing.report docs/conformance.json README.md`` writes it into a document,
between two markers.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from perdure._version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMAT_VERSION: Final = 1
BEGIN: Final = "<!-- conformance matrix: written by `python -m perdure.testing.report` -->"
END: Final = "<!-- end of conformance matrix -->"

_SUITE: Final = "perdure.testing.suite"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractResult:
    """What came of one contract. ``note`` says why tests were skipped, or which one failed."""

    contract: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""

    @property
    def cases(self) -> int:
        """How many tests there were."""
        return self.passed + self.failed + self.skipped

    @property
    def cell(self) -> str:
        """What the matrix shows."""
        if self.failed:
            return f"**fails {self.failed} of {self.cases}**"
        if self.passed:
            return f"kept ({self.passed})"
        return self.note or "not run"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendResult:
    """What came of one backend. ``emulated`` are capabilities it keeps in a roundabout way."""

    backend: str
    capabilities: tuple[str, ...]
    emulated: tuple[str, ...] = ()
    contracts: tuple[ContractResult, ...] = ()

    def find(self, contract: str) -> ContractResult | None:
        """Return the result of a contract, if there is one."""
        return next((each for each in self.contracts if each.contract == contract), None)

    def updated(self, newer: BackendResult) -> BackendResult:
        """Return what is known when ``newer`` may have run only some of the contracts."""
        known = {each.contract: each for each in (*self.contracts, *newer.contracts)}
        return replace(newer, contracts=_in_order(known.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """All backends that were held to the contracts, by name."""

    backends: tuple[BackendResult, ...] = ()

    def updated(self, newer: Matrix) -> Matrix:
        """Return this matrix with what ``newer`` knows in the place of what is older."""
        known = {each.backend: each for each in self.backends}
        for each in newer.backends:
            older = known.get(each.backend)
            known[each.backend] = each if older is None else older.updated(each)
        return Matrix(backends=tuple(known[name] for name in sorted(known)))


def to_json(matrix: Matrix) -> str:
    """Return the matrix as JSON text."""
    data = {"version": FORMAT_VERSION, "perdure": __version__, **asdict(matrix)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> Matrix:
    """Return the matrix of JSON text.

    Raises:
        ValueError: It is no matrix, or one of another version of the format.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or data.get("version") != FORMAT_VERSION:
        raise ValueError(f"no conformance matrix of version {FORMAT_VERSION}")
    return Matrix(backends=tuple(_backend(each) for each in data["backends"]))


def to_markdown(matrix: Matrix) -> str:
    """Return the matrix as a Markdown table: a row for each contract, a column for each backend."""
    from perdure.testing import contract

    names = [f"`{each.backend}`" for each in matrix.backends]
    lines = [_row("Contract", "Needs", *names), _row(*["---"] * (len(names) + 2))]
    for each in contract.ALL:
        needs = sorted(contract.capabilities_needed(each))
        cells = [_cell(backend, each.__name__, needs) for backend in matrix.backends]
        words = ", ".join(f"`{need}`" for need in needs) or "base set"
        lines.append(_row(each.__name__, words, *cells))
    return "\n".join(lines) + "\n"


def write(matrix: Matrix, path: Path) -> None:
    """Write the matrix to a file: Markdown where it ends in ``.md``, else JSON.

    What a JSON file knows of other backends and contracts is kept. In a Markdown file with the two
    markers, what stands between them is replaced.

    Raises:
        ValueError: The JSON file that is there is no matrix.
    """
    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
        path.write_text(insert(text, to_markdown(matrix)), encoding="utf-8")
        return
    if path.exists():
        matrix = from_json(path.read_text(encoding="utf-8")).updated(matrix)
    path.write_text(to_json(matrix), encoding="utf-8")


def insert(text: str, table: str) -> str:
    """Return a document with ``table`` between its two markers.

    Raises:
        ValueError: It does not have both.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs the lines {BEGIN} and {END}")
    return f"{before}{begin}\n\n{table}\n{end}{after}"


def run_conformance(
    backend: str,
    *,
    factory: str | None = None,
    report: Path | None = None,
    only: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> int:
    """Hold a backend to all contracts, by pytest in a process of its own; return its exit code.

    Args:
        backend: A value as for ``PERDURE_BACKEND``.
        factory: ``module:attribute`` of what makes it, where it is not installed as a plugin.
        report: A file for the matrix; see :func:`write`.
        only: Names of contracts; all of them by default.
        arguments: More arguments for pytest.
    """
    command = [sys.executable, "-m", "pytest", "-p", "perdure.testing.plugin"]
    # Nothing of a project that happens to be in the working directory has a say in this.
    command += ["-c", os.devnull, "-p", "no:cacheprovider", "--rootdir", os.curdir]
    command += ["--conformance-backend", backend]
    if factory is not None:
        command += ["--conformance-factory", factory]
    if report is not None:
        command += ["--conformance-report", str(report)]
    suites = [f"{_SUITE}::Test{name}" for name in only] or [_SUITE]
    return subprocess.run([*command, *arguments, "--pyargs", *suites], check=False).returncode


def _backend(data: Any) -> BackendResult:  # JSON
    return BackendResult(
        backend=data["backend"],
        capabilities=tuple(data["capabilities"]),
        emulated=tuple(data["emulated"]),
        contracts=tuple(ContractResult(**each) for each in data["contracts"]),
    )


def _in_order(results: Iterable[ContractResult]) -> tuple[ContractResult, ...]:
    from perdure.testing import contract

    places = {each.__name__: place for place, each in enumerate(contract.ALL)}
    known = [each for each in results if each.contract in places]
    return tuple(sorted(known, key=lambda each: places[each.contract]))


def _cell(backend: BackendResult, contract: str, needs: Sequence[str]) -> str:
    result = backend.find(contract)
    if result is None:
        return "not run"
    is_emulated = bool(set(needs) & set(backend.emulated))
    return f"{result.cell}, emulated" if is_emulated and result.passed else result.cell


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _main(arguments: Sequence[str]) -> None:
    source, *documents = map(Path, arguments)
    matrix = from_json(source.read_text(encoding="utf-8"))
    for document in documents:
        write(matrix, document)


if __name__ == "__main__":
    _main(sys.argv[1:])
