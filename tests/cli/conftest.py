"""A command line on a backend, and a worker that was started by it.

A later backend runs the same suite: it overrides ``cli_url``, and inherits the classes of
``tests/cli/suite_*.py``.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.cli.command_line import FLOWS, CommandLine, interrupted, read_until

# Before a test module imports them: their asserts then say what they compared.
pytest.register_assert_rewrite(
    "tests.cli.suite_approvals", "tests.cli.suite_control", "tests.cli.suite_instances"
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="class")
def cli_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the value of ``PERDURE_BACKEND``; a hub of its own for each class."""
    return f"sqlite:///{tmp_path_factory.mktemp('hub')}/hub.db"


@pytest.fixture(scope="class")
def perdure(cli_url: str, tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return the command line, in an empty folder."""
    return CommandLine(url=cli_url, folder=tmp_path_factory.mktemp("folder"))


@pytest.fixture(scope="class")
def worker(perdure: CommandLine) -> Iterator[CommandLine]:
    """Return the command line beside a worker of ``flows.py``."""
    process = perdure.begin("worker", str(FLOWS))
    read_until(process, "is ready")
    yield perdure
    assert interrupted(process, signal.SIGTERM).code == 0


@pytest.fixture
def alone(tmp_path: Path) -> CommandLine:
    """Return a command line on the embedded engine, with nothing else around."""
    return CommandLine(url=f"sqlite:///{tmp_path}/hub.db", folder=tmp_path)
