"""The built-in workflow: known to every worker, seen in no registry, nobody else's to take."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import perdure
from perdure import App, ApprovalState, Registry
from perdure._program import RegistryProgram
from perdure.approvals.record import APPROVAL_WORKFLOW, CLOSE_ACTIVITY
from tests.approvals.workflows import refund, registry

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = timedelta(seconds=20)


def test_every_worker_can_run_it_and_no_registry_shows_it() -> None:
    app = App("empty")

    assert APPROVAL_WORKFLOW in RegistryProgram(app).workflows
    assert CLOSE_ACTIVITY in RegistryProgram(app).activities
    assert dict(app.workflows) == {}
    assert dict(app.activities) == {}


def test_nobody_can_register_its_names() -> None:
    async def mine() -> None: ...

    with pytest.raises(perdure.InvalidNameError, match="perdure's own"):
        Registry().workflow(name=APPROVAL_WORKFLOW)(mine)
    with pytest.raises(perdure.InvalidNameError, match="perdure's own"):
        Registry().activity(name=CLOSE_ACTIVITY)(mine)


async def test_nobody_can_start_it_without_a_workflow_that_asks(tmp_path: Path) -> None:
    app = App("asks", backend=f"sqlite:///{tmp_path}/hub.db")
    async with app.client() as client:
        with pytest.raises(perdure.InvalidNameError):
            await client.start(APPROVAL_WORKFLOW, arguments={})


def test_importing_perdure_imports_nothing_of_it() -> None:
    code = "import perdure, sys; print([m for m in sys.modules if 'approvals' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


async def test_a_question_outlives_the_process_that_asked(tmp_path: Path) -> None:
    app = App("asks", backend=f"sqlite:///{tmp_path}/hub.db")
    app.include(registry)
    async with app.run() as client:
        handle = await client.start(refund, 40, 3, instance_id="r-1")
        while not (asked := [each async for each in client.approvals.list()]):
            pass
    async with app.client() as client:  # no worker lives
        stored = await client.approvals.approve(asked[0].id, by="ann", timeout=timedelta())
        assert stored.state is ApprovalState.STORED
    async with app.run() as client:
        handle = client.get(refund, "r-1")
        assert (await handle.result(timeout=LIMIT))["by"] == "ann"
        approval = await client.approvals.get(asked[0].id)
        assert approval.state is ApprovalState.APPROVED
        assert approval.deadline == asked[0].deadline


def test_plain_code_asks_and_answers_as_well(tmp_path: Path) -> None:
    app = App("asks", backend=f"sqlite:///{tmp_path}/hub.db")
    app.include(registry)
    with app.run() as client:
        handle = client.start(refund, 40, instance_id="r-1")
        while not (asked := list(client.approvals.list(state="waiting", instance_id="r-1"))):
            pass
        assert client.approvals.get(asked[0].id) == asked[0]
        approved = client.approvals.approve(asked[0].id, by="ann", arguments={"amount": 4})
        assert approved.state is ApprovalState.APPROVED
        assert handle.result(timeout=LIMIT)["arguments"] == {"amount": 4}
        with pytest.raises(perdure.ApprovalAlreadyAnsweredError):
            client.approvals.deny(asked[0].id, by="ann")
