"""Workers, servers and the model are killed: no conversation notices, no recorded call is repeated.

What a worker was doing when it died may run again, under the same idempotency key; what may run at
most once does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from crash.desk import open_desk
from crash.kills import HelpDeskKills, answered_again
from crash.secrets_found import secrets_in_files, secrets_in_histories
from tests.campaign.outcome import every_plan
from tests.campaign.servers import BACKENDS, servers_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.campaign.outcome import Plan

pytestmark = [pytest.mark.crash, pytest.mark.soak, pytest.mark.serial, pytest.mark.timeout(400)]


@every_plan
@pytest.mark.parametrize("backend", BACKENDS)
async def test_no_recorded_call_is_made_again_and_no_answer_is_lost(
    backend: str, plan: Plan, tmp_path: Path
) -> None:
    with servers_of(backend, tmp_path) as servers:
        async with open_desk(servers.url, tmp_path) as desk:
            outcome = await HelpDeskKills(plan, desk, servers).run()
            histories = await secrets_in_histories(desk.client)
            requests = desk.model.requests()
        files = secrets_in_files(tmp_path)
    again = answered_again(requests)
    model = f"{len(requests)} requests to the model, {again} answered before"
    print(f"\n{backend}, seed {plan.seed}: {outcome.line()}; {model}")  # noqa: T201 - the result
    assert outcome.problems(plan) == {}
    # What is repeated at all was under way when a process died.
    assert again <= outcome.repeated
    assert (histories, files) == ([], [])
