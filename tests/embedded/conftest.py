"""Fixtures of the embedded engine's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.embedded.hub import Hub

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """Return a hub on a fresh file. An async test closes it by ``async with`` of its own."""
    return Hub(tmp_path)
