"""Fixtures of the tests of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.driving import close_all

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _closed_runs() -> Iterator[None]:
    """Leave nothing suspended for the garbage collector to find."""
    yield
    close_all()
