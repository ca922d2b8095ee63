"""Running the conformance kit, with what pytest says on stderr and the results given back."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.cli.exit_codes import CommandError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.testing.report import ContractResult


def run_kit(url: str, *, report: Path | None, only: list[str]) -> list[ContractResult]:
    """Hold a backend to the contracts, and return what came of each.

    Raises:
        CommandError: pytest is missing, or could not run.
    """
    if importlib.util.find_spec("pytest") is None:
        message = "the kit needs pytest, which is not installed"
        raise CommandError(message, step="pip install pytest")
    from perdure.testing.report import from_json, run_conformance, write

    _check_names(only)
    with tempfile.TemporaryDirectory(prefix="perdure-kit-") as folder:
        results = Path(folder, "results.json")
        with _stdout_to_stderr():
            code = run_conformance(url, report=results, only=only, arguments=["-q"])
        if not results.exists():
            step = "what pytest says above"
            raise CommandError(f"the kit could not run: pytest ended with {code}", step=step)
        matrix = from_json(results.read_text(encoding="utf-8"))
    if report is not None:
        write(matrix, report)
    return [contract for backend in matrix.backends for contract in backend.contracts]


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Let processes that are started meanwhile write to stderr: what they say is no result."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _check_names(only: list[str]) -> None:
    from perdure.testing import contract

    known = [each.__name__ for each in contract.ALL]
    for name in only:
        if name not in known:
            message = f"--only: there is no contract {name!r}"
            step = f"one of {', '.join(known)}"
            raise CommandError(message, step=step, code=ExitCode.USAGE)
