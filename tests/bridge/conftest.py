"""Fixtures of the tests of the bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, app

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def bridge() -> Iterator[WatchedBridge]:
    """A bridge that runs the programs of these tests."""
    bridge = WatchedBridge(app)
    yield bridge
    bridge.close()


@pytest.fixture
def host(bridge: WatchedBridge) -> Host:
    """A server with one instance."""
    return Host(bridge)
