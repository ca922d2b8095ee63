"""An app of workflows of all fates, on a file of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.app import App
from tests.client.workflows import registry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def app(tmp_path: Path) -> App:
    made = App("client-tests", backend=f"sqlite:///{tmp_path}/hub.db")
    made.include(registry)
    return made
