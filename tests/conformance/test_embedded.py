"""The embedded engine keeps every contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.testing import contract
from perdure.testing.target import BackendTarget, make_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def backend_target(tmp_path: Path) -> Iterator[BackendTarget]:
    target = make_target("sqlite", folder=tmp_path)
    yield target
    target.close()


class TestLifecycle(contract.Lifecycle): ...
class TestActivities(contract.Activities): ...
class TestContinueAsNew(contract.ContinueAsNew): ...
class TestEvents(contract.Events): ...
class TestRetries(contract.Retries): ...
class TestTimers(contract.Timers): ...
