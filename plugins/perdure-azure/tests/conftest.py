"""A stand-in of our own for Durable Task Scheduler, shared by the tests of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure_azure.conformance import make_target
from perdure_azure.stack import AzureStack, StackOptions
from perdure_azure.stack.build import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure.testing.target import BackendTarget


class StandIn:
    """The stand-in of a stack, as the kit may kill it: server and front are one process."""

    def __init__(self, stack: AzureStack) -> None:
        self._stack = stack

    def kill(self) -> None:
        self._stack.kill(PROGRAM)

    def start(self) -> None:
        self._stack.start(PROGRAM)


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what perdure writes for this user, results and locks, out of the user's own home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def azure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureStack]:
    """Return a stand-in that is up; each test takes ids of its own."""
    options = StackOptions(throttle="off")
    with AzureStack(tmp_path_factory.mktemp("azure"), options) as stack:
        yield stack


@pytest.fixture
def backend_target(azure_stack: AzureStack, tmp_path: Path) -> Iterator[BackendTarget]:
    target = make_target(azure_stack.url, folder=tmp_path, server=StandIn(azure_stack))
    yield target
    target.close()
