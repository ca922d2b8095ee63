"""Every command on the embedded engine."""

from __future__ import annotations

import pytest

from tests.cli import suite_control, suite_instances

# Each test runs several processes.
pytestmark = pytest.mark.timeout(90)


class TestStarting(suite_instances.Starting): ...


class TestLooking(suite_instances.Looking): ...


class TestSteering(suite_control.Steering): ...


class TestPurgingInBulk(suite_control.PurgingInBulk): ...
