"""The local stand-in, built as ``perdure stack up azure`` does it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure_azure.stack import AzureStack, AzureStackKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure_azure.stack import StackOptions

    Start = Callable[..., AzureStack]

log = logging.getLogger(__name__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests on the real stand-in time on a busy machine, and the first one to build it."""
    for item in items:
        is_here = Path(__file__).parent in item.path.parents
        if is_here and "program" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(180), append=False)


@pytest.fixture(scope="session")
def program() -> str:
    """Have the program ready; without it this builds it."""
    return AzureStackKind().build({}, tell=lambda words: log.warning("%s", words))


@pytest.fixture
def start(program: str, tmp_path: Path) -> Iterator[Start]:
    """Bring up a stack that goes with the test; several share one folder, one after the other."""
    started: list[AzureStack] = []

    def start(options: StackOptions | None = None) -> AzureStack:
        started.append(AzureStack(tmp_path / "azure", options).__enter__())
        return started[-1]

    yield start
    for stack in started:
        stack.down()
