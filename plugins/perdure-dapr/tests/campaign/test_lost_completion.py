"""The sidecar dies while a worker finishes an activity, so that nobody hears of its result.

The sidecar then hands the activity out again, to the same worker, which lives. perdure answers from
its record of results. Without that, and on Dapr's own SDK, the activity runs again, and the judge
says so.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import dapr.ext.workflow as wf
import pytest
from campaign.lost_completion import single
from campaign.sides import TESTS

import perdure
from perdure_dapr.stack import DaprStack
from tests.campaign.crew import spawn
from tests.campaign.judge import Judge
from tests.crash import evidence

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.crash, pytest.mark.serial, pytest.mark.timeout(120)]

_PATIENCE = timedelta(seconds=40)


def _start(kind: str, stack: DaprStack) -> None:
    if kind == "native":
        client = wf.DaprWorkflowClient(port=stack.environment["DAPR_GRPC_PORT"])
        client.schedule_new_workflow("native_single", input="i", instance_id="i")
        return
    with perdure.App("lost", backend=stack.url).client() as client_of_perdure:
        client_of_perdure.start(single, "i", instance_id="i")


def _await_lines(record: Path, phase: str, count: int) -> None:
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    while sum(line.phase == phase for line in evidence.read(record)) < count:
        assert time.monotonic() < deadline, f"fewer than {count} lines {phase!r}"
        time.sleep(0.01)


def _await_end(kind: str, stack: DaprStack) -> None:
    if kind == "native":
        client = wf.DaprWorkflowClient(port=stack.environment["DAPR_GRPC_PORT"])
        seconds = int(_PATIENCE.total_seconds())
        assert client.wait_for_workflow_completion("i", timeout_in_seconds=seconds) is not None
        return
    with perdure.App("lost", backend=stack.url).client() as client_of_perdure:
        assert client_of_perdure.get(single, "i").result(timeout=_PATIENCE) == "i"


@pytest.mark.parametrize(
    ("kind", "again"),
    [("perdure", []), ("without-records", ["i/0"]), ("native", ["i/0"])],
    ids=["perdure", "without-records", "native"],
)
def test_a_finished_activity_is_not_run_again_by_the_worker_that_lives(
    kind: str, again: list[str], tmp_path: Path
) -> None:
    record = tmp_path / "record.jsonl"
    with DaprStack(tmp_path / "stack") as stack:
        environment = {
            **stack.environment,
            "CRASH_BACKEND": stack.url + ("?record=off" if kind == "without-records" else ""),
            "LOST_FOLDER": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }
        log = tmp_path / "worker.log"
        worker = spawn(
            "campaign.lost_completion", kind, folder=TESTS, environment=environment, log=log
        )
        try:
            _start(kind, stack)
            _await_lines(record, "begin", 1)
            stack.kill("daprd")
            (tmp_path / "go").touch()
            _await_lines(record, "end", 1)
            stack.start("daprd")
            _await_end(kind, stack)
        finally:
            worker.kill()
    verdict = Judge(deaths={}, careful=()).examine(evidence.read(record))
    assert verdict.with_worker_alive == again
