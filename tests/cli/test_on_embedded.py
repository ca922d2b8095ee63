"""Every command on the embedded engine."""

from __future__ import annotations

import signal

import pytest

from tests.cli import suite_approvals, suite_control, suite_instances
from tests.cli.command_line import FLOWS, CommandLine, interrupted, read_until

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)


class TestStarting(suite_instances.Starting): ...


class TestLooking(suite_instances.Looking): ...


class TestSteering(suite_control.Steering): ...


class TestPurgingInBulk(suite_control.PurgingInBulk): ...


class TestApprovals(suite_approvals.Approvals): ...


def test_an_answer_while_no_worker_lives_is_stored_and_applied_by_the_next(
    alone: CommandLine,
) -> None:
    process = alone.begin("worker", str(FLOWS))
    read_until(process, "is ready")
    approval_id = suite_approvals.asked(alone, "s1")
    interrupted(process, signal.SIGTERM)

    done = alone.ok("approvals", "approve", approval_id, "--by", "ann", "--timeout", "0s")

    assert done.out == f"{approval_id}  stored\n"
    assert "a worker will apply it" in done.err
    process = alone.begin("worker", str(FLOWS))
    read_until(process, "is ready")
    assert suite_approvals.result_of(alone, "s1")["by"] == "ann"
    interrupted(process, signal.SIGTERM)
