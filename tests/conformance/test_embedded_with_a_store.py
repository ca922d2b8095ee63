"""The embedded engine keeps the contracts also when every payload is packed and kept elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.testing import BackendTarget, contract
from perdure.testing.target import EmbeddedTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(120)


class _StoredTarget(EmbeddedTarget):
    @property
    def name(self) -> str:
        return "sqlite with a store"  # a report must not take it for the plain one


@pytest.fixture
def backend_target(tmp_path: Path) -> Iterator[BackendTarget]:
    payloads = f"file://{tmp_path / 'payloads'}?codecs=gzip&threshold=16"
    target = _StoredTarget(tmp_path, payloads=payloads)
    yield target
    target.close()


class TestLifecycle(contract.Lifecycle): ...


class TestActivities(contract.Activities): ...


class TestEvents(contract.Events): ...


class TestApprovals(contract.Approvals): ...


class TestChildren(contract.Children): ...


class TestContinueAsNew(contract.ContinueAsNew): ...


class TestPurge(contract.Purge): ...


class TestPayloads(contract.Payloads): ...


class TestLimits(contract.Limits): ...


class TestDeterminism(contract.Determinism): ...


class TestConcurrency(contract.Concurrency): ...


class TestWorkerRecovery(contract.WorkerRecovery): ...


class TestHistory(contract.History): ...


class TestRestart(contract.Restart): ...


class TestRerun(contract.Rerun): ...
