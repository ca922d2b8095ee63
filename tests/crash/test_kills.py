"""Workers are killed at random, and nothing is lost, doubled or run again after its commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.campaign import Campaign, Plan, Report
from tests.soak import either

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.timeout(240)]

# Seeds of which many kills are aimed between a result and its commit, since some of them may meet
# nothing that must be done again.
_FEW = [
    Plan(seed=10, kills=12),
    Plan(seed=9, kills=8, workers=2),
    Plan(seed=10, kills=8, workers=4),
    Plan(seed=9, kills=8, clock_back_seconds=3600),
]
_MANY = [
    *(Plan(seed=seed, kills=20) for seed in range(100, 112)),
    *(Plan(seed=seed, kills=20, workers=2) for seed in range(200, 206)),
    *(Plan(seed=seed, kills=20, workers=4) for seed in range(300, 304)),
    *(Plan(seed=seed, kills=20, clock_back_seconds=3600) for seed in range(400, 404)),
]
PLANS = either(_FEW, soak=_MANY)


def check(report: Report) -> None:
    """Assert what must hold of every campaign."""
    print(report.line())  # noqa: T201 - the seed and the counts are the result
    assert report.lost == []
    assert report.wrong == {}
    assert report.findings.repeated_after_commit == []
    assert report.kills == report.plan.kills
    # Else the campaign would say little: these are the moments in which something can go wrong.
    assert report.kills_in_flight >= 0.3 * report.kills
    assert report.kills_before_commit >= 0.1 * report.kills


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"seed{plan.seed}-{plan.workers}workers")
def test_nothing_is_lost_or_doubled_when_workers_are_killed(plan: Plan, tmp_path: Path) -> None:
    check(Campaign(plan, tmp_path).run())
