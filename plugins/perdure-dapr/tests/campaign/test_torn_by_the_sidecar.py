"""An open fault of daprd 1.18, shown on Dapr's own SDK: it loses an instance for ever.

``runWorkflow`` (pkg/actors/targets/workflow/orchestrator/run.go) puts the event of a timer into the
inbox of the state that it keeps in memory, and does not count it as added:
``state.Inbox = append(state.Inbox, timerEvent)``. If the turn then fails and is to be tried again,
the state in memory stays as it is. An event that comes before that (``addWorkflowEvent``, add.go)
is stored as ``inbox-000001`` of two, ``inbox-000000`` never. Should the sidecar have to read the
state again before the next turn has succeeded, it cannot, and never will.

Nothing that uses vendor timers is safe from it, so a campaign counts such a loss apart. When this
test fails because the instance can be read, the fault is mended, and that exception must go.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import dapr.ext.workflow as wf
import pytest
from campaign.sides import TESTS
from campaign.vendor_view import is_torn, vendor_views

from perdure_dapr.stack import DaprStack
from tests.campaign.crew import spawn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.campaign.crew import Process

pytestmark = [pytest.mark.crash, pytest.mark.serial, pytest.mark.timeout(120)]

_PATIENCE_SECONDS = 30.0


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {_PATIENCE_SECONDS} s: {what}"
        time.sleep(0.01)


def _worker(stack: DaprStack, folder: Path) -> Process:
    environment = {**stack.environment, "TORN_FOLDER": str(folder)}
    log = folder / "worker.log"
    return spawn("campaign.torn_worker", folder=TESTS, environment=environment, log=log)


def test_an_event_after_a_turn_of_a_timer_that_failed_leaves_an_instance_nobody_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DaprStack(tmp_path / "stack") as stack:
        monkeypatch.setenv("DAPR_API_TIMEOUT_SECONDS", "5")
        port = stack.environment["DAPR_GRPC_PORT"]
        workers = [_worker(stack, tmp_path) for _ in range(2)]
        client = wf.DaprWorkflowClient(port=port)
        try:
            client.schedule_new_workflow("timed", input="n", instance_id="n")
            _until(lambda: any(each.has_ended for each in workers), "a worker dies in its turn")
            client.raise_workflow_event("n", "anything", data=1)
            _until((tmp_path / "turn").exists, "the turn is tried again")
        finally:
            for worker in workers:
                worker.kill()
        stack.kill("daprd")
        stack.start("daprd")
        worker = _worker(stack, tmp_path)
        _until(lambda: "missing from state" in stack.log("daprd"), "the sidecar tells of it")
        worker.kill()
        assert is_torn(vendor_views(port, ["n"])["n"])
