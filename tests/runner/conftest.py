"""What the tests of the runner share: attempts to run, and a runner that is closed afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure._runner.activities import ActivityRunner
from tests.runner.attempts import now_us

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runner() -> Iterator[ActivityRunner]:
    """Return a runner with small limits and a short grace."""
    made = ActivityRunner(now_us=now_us, max_async=2, max_threads=2, grace_seconds=0.05)
    yield made
    made.close()
