"""Fixtures of the tests of the payload pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.payloads import keeper
from tests.payloads_pipeline.world import World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a folder with an app and a store in it."""
    return World(tmp_path)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait long for a store that fails."""
    monkeypatch.setattr(keeper, "_DELAYS", (0.01, 0.01))
    monkeypatch.setattr(keeper, "_PATIENT_DELAYS", (0.01, 0.01, 0.01))
