"""Workers, servers and the model are killed: no conversation notices, no recorded call is repeated.

What a worker was doing when it died may run again, under the same idempotency key; what may run at
most once does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crash.desk import open_desk
from crash.kills import Campaign, Plan
from crash.secrets_found import secrets_in_files, secrets_in_histories
from crash.servers import BACKENDS, servers_of
from tests.soak import either

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.serial, pytest.mark.timeout(400)]

_FEW = [Plan(seed=1, kills=6)]
_MANY = [
    *(Plan(seed=seed, kills=20, workers=1) for seed in range(100, 102)),
    *(Plan(seed=seed, kills=20) for seed in range(200, 204)),
    *(Plan(seed=seed, kills=20, workers=3, conversations=12) for seed in range(300, 302)),
]


@pytest.mark.parametrize("plan", either(_FEW, soak=_MANY), ids=lambda plan: f"seed{plan.seed}")
@pytest.mark.parametrize("backend", BACKENDS)
async def test_no_recorded_call_is_made_again_and_no_answer_is_lost(
    backend: str, plan: Plan, tmp_path: Path
) -> None:
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            report = await Campaign(plan, desk, servers).run()
            histories = await secrets_in_histories(desk.client)
        files = secrets_in_files(tmp_path)
    print(f"\n{backend}, seed {plan.seed}: {report.line()}")  # noqa: T201 - counts are the result
    assert (report.lost, report.wrong, report.not_the_same) == ([], {}, [])
    assert report.verdict.faults == 0, report.verdict.wrong
    assert report.run_anew == []
    # What is repeated at all was under way when a process died.
    assert report.answered_again <= len(report.verdict.in_doubt) + len(report.verdict.cut_short)
    assert report.kills.total() == plan.kills
    assert report.in_flight >= 0.3 * plan.kills  # else it would say little
    assert report.approved >= len(report.replies)
    assert (histories, files) == ([], [])
