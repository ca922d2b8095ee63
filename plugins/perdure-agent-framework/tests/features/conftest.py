"""Fixtures of the comparisons of each feature of the framework, durable against plain."""

from __future__ import annotations

from pathlib import Path

import pytest

_SECONDS = 120
_FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each comparison time for its many replays, also on a busy machine."""
    for item in items:
        if item.path.is_relative_to(_FOLDER) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SECONDS))
