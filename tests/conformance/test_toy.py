"""The toy backend keeps the base set, SIGKILL included."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perdure.testing import contract
from perdure.testing.target import BackendTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# Some kill processes again and again, on machines that do other things as well.
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def backend_target(tmp_path: Path) -> Iterator[BackendTarget]:
    target = BackendTarget(f"toy://{tmp_path / 'toy.jsonl'}", folder=tmp_path)
    yield target
    target.close()


class TestLifecycle(contract.Lifecycle): ...


class TestActivities(contract.Activities): ...


class TestRetries(contract.Retries): ...


class TestTimers(contract.Timers): ...


class TestEvents(contract.Events): ...


class TestChildren(contract.Children): ...


class TestContinueAsNew(contract.ContinueAsNew): ...


class TestCancellation(contract.Cancellation): ...


class TestApprovals(contract.Approvals): ...


class TestTerminate(contract.Terminate): ...


class TestPurge(contract.Purge): ...


class TestPayloads(contract.Payloads): ...


class TestHeaders(contract.Headers): ...


class TestIdRules(contract.IdRules): ...


class TestLimits(contract.Limits): ...


class TestDeterminism(contract.Determinism): ...


class TestConcurrency(contract.Concurrency): ...


class TestWorkerRecovery(contract.WorkerRecovery): ...


class TestServerRecovery(contract.ServerRecovery): ...


class TestDeclared(contract.Declared): ...


class TestComplete(contract.Complete): ...
