"""The backend keeps the contract, on the stand-in for Durable Task Scheduler (it is not DTS)."""

from __future__ import annotations

import pytest

from perdure.testing import contract

# Some kill processes again and again, on machines that do other things as well.
pytestmark = pytest.mark.timeout(180)


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


class TestSuspend(contract.Suspend): ...


class TestQuery(contract.Query): ...


class TestTags(contract.Tags): ...


class TestHistory(contract.History): ...


class TestHistoryAcrossRuns(contract.HistoryAcrossRuns): ...


class TestRestart(contract.Restart): ...


class TestRerun(contract.Rerun): ...


class TestStartAt(contract.StartAt): ...


class TestExecutionTimeout(contract.ExecutionTimeout): ...


class TestComplete(contract.Complete): ...
