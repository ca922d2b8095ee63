"""A Dapr runtime of our own, shared by the tests of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure_dapr.conformance import make_target
from perdure_dapr.stack import DaprStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perdure.testing.target import BackendTarget


class Sidecar:
    """The sidecar of a stack, as the kit may kill it."""

    def __init__(self, stack: DaprStack) -> None:
        self._stack = stack

    def kill(self) -> None:
        self._stack.kill("daprd")

    def start(self) -> None:
        self._stack.start("daprd")


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what perdure writes for this user, results and locks, out of the user's own home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def dapr_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaprStack]:
    """Return a runtime that is up; each test takes ids of its own."""
    with DaprStack(tmp_path_factory.mktemp("dapr")) as stack:
        yield stack


@pytest.fixture
def bare_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaprStack]:
    """Return a runtime whose sidecar hosts workflows only while a worker is there."""
    with DaprStack(tmp_path_factory.mktemp("bare"), StackOptions(bare=True)) as stack:
        yield stack


@pytest.fixture
def backend_target(dapr_stack: DaprStack, tmp_path: Path) -> Iterator[BackendTarget]:
    target = make_target(dapr_stack.url, folder=tmp_path, server=Sidecar(dapr_stack))
    yield target
    target.close()
