"""One server for the tests of the stand-in; each test has a task hub of its own."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest
from azure_kit.hub import Hub
from azure_kit.stand_in import StandIn, run_stand_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    folder = tmp_path_factory.mktemp("stand-in") / "data"
    yield from run_stand_in(folder, "--dynamic-hubs", "--throttle", "off")


@pytest.fixture
def hub(server: StandIn) -> Iterator[Hub]:
    one = Hub(server, f"hub-{uuid.uuid4().hex}")
    yield one
    one.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[StandIn]:
    """Return a server that the test may kill."""
    yield from run_stand_in(tmp_path / "data", "--throttle", "off")


@pytest.fixture
def own_hub(own_server: StandIn) -> Iterator[Hub]:
    one = Hub(own_server, "default")
    yield one
    one.close()
