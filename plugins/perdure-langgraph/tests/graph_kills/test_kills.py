"""Workers and servers are killed: no thread notices, and no node that was recorded runs again.

What a worker was doing when it died may run again, under the same idempotency key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graph_kills.campaign import Campaign, Plan
from graph_kills.desk import open_desk
from graph_kills.servers import BACKENDS, servers_of

from tests.soak import either

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.serial, pytest.mark.timeout(400)]

_FEW = [Plan(seed=1, kills=6)]
_MANY = [
    *(Plan(seed=seed, kills=20, workers=1) for seed in range(100, 102)),
    *(Plan(seed=seed, kills=20) for seed in range(200, 204)),
    *(Plan(seed=seed, kills=20, workers=3, threads=12) for seed in range(300, 302)),
]


@pytest.mark.parametrize("plan", either(_FEW, soak=_MANY), ids=lambda plan: f"seed{plan.seed}")
@pytest.mark.parametrize("backend", BACKENDS)
async def test_no_recorded_node_runs_again_and_no_answer_is_lost(
    backend: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where large payloads are: the client finds them where the workers put them.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            report = await Campaign(plan, desk, servers).run()
    print(f"\n{backend}, seed {plan.seed}: {report.line()}")  # noqa: T201 - counts are the result
    assert (report.lost, report.wrong, report.not_the_same) == ([], {}, [])
    assert report.verdict.faults == 0, report.verdict.wrong
    assert report.run_anew == []
    assert report.kills.total() == plan.kills
    assert report.in_flight >= 0.3 * plan.kills  # else it would say little
    assert report.approved == len(report.answered)
