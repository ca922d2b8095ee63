"""Fixtures of the tests of the bridge."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import ResultRecord
from tests.bridge.deliveries import BACKEND, HUB
from tests.bridge.host import Host
from tests.bridge.programs import WatchedBridge, app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bridge.deliveries import OpenRecord


@pytest.fixture
def bridge() -> Iterator[WatchedBridge]:
    """A bridge that runs the programs of these tests."""
    bridge = WatchedBridge(app)
    yield bridge
    bridge.close()


@pytest.fixture
def open_record(tmp_path: Path) -> Iterator[OpenRecord]:
    """Opens a record in the folder of the test."""
    with contextlib.ExitStack() as stack:

        def open_record(**options: Any) -> ResultRecord:
            record = ResultRecord.open(BACKEND, HUB, folder=tmp_path, **options)
            stack.callback(record.close)
            return record

        yield open_record


@pytest.fixture
def host(bridge: WatchedBridge) -> Host:
    """A server with one instance."""
    return Host(bridge)
