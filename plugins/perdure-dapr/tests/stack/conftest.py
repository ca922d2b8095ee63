"""Dapr's own servers, found or built as ``perdure stack up dapr`` does it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from perdure_dapr.stack import DaprStack, DaprStackKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perdure_dapr.stack import StackOptions

    Start = Callable[..., DaprStack]

log = logging.getLogger(__name__)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and give those on the real servers time on a busy machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.sdk_independent)
            if "programs" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.timeout(120), append=False)


@pytest.fixture(scope="session")
def programs() -> str:
    """Have the programs ready; without them, and without what was built once, this builds them."""
    return DaprStackKind().build({"mtls": True}, tell=lambda words: log.warning("%s", words))


@pytest.fixture
def start(programs: str, tmp_path: Path) -> Iterator[Start]:
    """Bring up a stack that goes with the test; several share one folder, one after the other."""
    started: list[DaprStack] = []

    def start(options: StackOptions | None = None) -> DaprStack:
        started.append(DaprStack(tmp_path / "dapr", options).__enter__())
        return started[-1]

    yield start
    for stack in started:
        stack.down()
