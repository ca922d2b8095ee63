"""Workers and servers are killed: no thread notices, and no node that was recorded runs again.

What a worker was doing when it died may run again, under the same idempotency key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from graph_kills.desk import open_desk
from graph_kills.kills import ClaimsKills

from tests.campaign.outcome import every_plan
from tests.campaign.servers import BACKENDS, servers_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.campaign.outcome import Plan

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.serial, pytest.mark.timeout(400)]


@every_plan
@pytest.mark.parametrize("backend", BACKENDS)
async def test_no_recorded_node_runs_again_and_no_answer_is_lost(
    backend: str, plan: Plan, tmp_path: Path
) -> None:
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            outcome = await ClaimsKills(plan, desk, servers).run()
    print(f"\n{backend}, seed {plan.seed}: {outcome.line()}")  # noqa: T201 - counts are the result
    assert outcome.problems(plan) == {}
    assert outcome.approved == len(outcome.answers)
