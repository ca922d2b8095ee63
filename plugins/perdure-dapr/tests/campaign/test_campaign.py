"""Processes of a real Dapr runtime are killed, and nothing is lost, doubled or done again.

A soak shows beside it what becomes of the same workflows on Dapr's own SDK, under the same kills.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from campaign.sides import NATIVE, PERDURE, SIDECAR, TARGETS, Dapr

from tests.campaign.campaign import Campaign
from tests.campaign.crew import ROOT
from tests.campaign.report import details, table, write
from tests.campaign.schedule import Plan
from tests.soak import IS_SOAK, either

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.campaign.report import Report

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.serial, pytest.mark.timeout(400)]


def _plan(seed: int, **fields: Any) -> Plan:
    return Plan(**{"seed": seed, "kills": 12, "server": SIDECAR, "targets": TARGETS, **fields})


_FEW = [_plan(1, kills=6)]
_MANY = [
    *(_plan(seed, workers=1) for seed in range(100, 104)),
    *(_plan(seed) for seed in range(200, 206)),
    *(_plan(seed, workers=3, servers=2) for seed in range(300, 304)),
    _plan(7, targets={SIDECAR: 1}, is_recording=False),
]
_OUT = ROOT / ".benchmarks" / "dapr-kills.json"


@pytest.fixture(scope="module")
def reports() -> Iterator[list[Report]]:
    """Return where reports go; all are told at the end."""
    collected: list[Report] = []
    yield collected
    print(f"\n{table(collected)}")  # noqa: T201 - the counts are the result
    if IS_SOAK:
        write(collected, _OUT)


@pytest.mark.parametrize("plan", either(_FEW, soak=_MANY), ids=lambda plan: f"seed{plan.seed}")
def test_nothing_is_lost_or_done_again_whatever_is_killed(
    plan: Plan, tmp_path: Path, reports: list[Report]
) -> None:
    report = Campaign(plan, PERDURE, Dapr(), tmp_path / "perdure").run()
    reports.append(report)
    if IS_SOAK and plan.is_recording:
        reports.append(Campaign(plan, NATIVE, Dapr(), tmp_path / "native").run())
    # What daprd itself has lost is counted apart: see this folder's README.md.
    found = (report.lost_otherwise, report.wrong, report.odd_errors, report.never_drained)
    assert found == ([], {}, [], []), details(report)
    # Without records of results activities must have run again, else the campaign finds nothing.
    assert (report.verdict.faults == 0) is plan.is_recording, details(report)
    assert len(report.kills) >= plan.kills
    # Else the campaign would say little.
    assert report.kills_in_flight >= 0.3 * len(report.kills)
