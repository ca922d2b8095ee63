"""Run an example of agents as its users do: ``python -m``, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EXAMPLES: Final = ("support_agent", "research_team")
GRAPHS: Final = ("claim_processing",)
QUICK: Final = ("--pace", "0.2")

# They would send the examples elsewhere.
_NOT_PASSED_ON: Final = {
    "AGENT_EXAMPLE_JOURNAL",
    "AGENT_EXAMPLE_PACE",
    "CLAIM_PROCESSING_FOLDER",
    "COLUMNS",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_MODEL",
    "PERDURE_BACKEND",
    "RESEARCH_TEAM_FOLDER",
    "SCRIPTED_MODEL_URL",
    "SUPPORT_AGENT_FOLDER",
}


@contextlib.contextmanager
def running_module(
    module: str | Path, *arguments: str, cwd: Path, **variables: str
) -> Iterator[Any]:
    """Start a module, or a script that has a path, and end it with the block."""
    start = ["-m", module] if isinstance(module, str) else [str(module)]
    process = subprocess.Popen(
        [sys.executable, *start, *arguments],
        cwd=cwd,
        env=environment() | {"PYTHONPATH": str(ROOT)} | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def perdure(*words: str, cwd: Path) -> str:
    """Run a command of perdure and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "perdure", *words],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return done.stdout


def environment() -> dict[str, str]:
    """Return the environment without what would send an example elsewhere."""
    return {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
