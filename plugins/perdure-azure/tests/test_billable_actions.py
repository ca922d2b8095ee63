"""What patterns cost in billable actions: perdure beside Microsoft's SDK, on one hub.

The stand-in counts, by both of the definitions that are published.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure_kit import billed_natively as native
from azure_kit import billed_programs as ours
from azure_kit.native import native_client, native_worker

import perdure
from perdure_azure.stack import AzureStack, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure import WorkflowHandle

README = Path(__file__).parents[1] / "README.md"
PATIENCE = 20

# By the billing page, and by the metrics page, which counts a timer when it is set, too.
PATTERNS = {
    "sequence": ("3 activities in sequence", 7, 7),
    "fan_out": ("fan-out of 5", 11, 11),
    "one_timer": ("one timer", 2, 3),
    "one_event": ("waiting for an event, and the event", 2, 2),
    "with_child": ("a child that runs 3 activities", 9, 9),
    "retried": ("an activity that fails twice, then works", 9, 11),
    "four_runs": ("3 times continue-as-new", 4, 4),
    "held": ("suspend, resume, event", 4, 4),
    "ended": ("terminate what waits", 2, 2),
}
# Of theirs, where there is such a thing, and of ours.
DIFFERENCES = {
    "patched_sequence": ((7, 7), (8, 8)),
    "with_named_child": ((9, 9), (13, 13)),
    "with_abandoned_child": (None, (13, 13)),
    "ends_before_children": (None, (11, 11)),
    "delayed": (None, (8, 9)),
    "limited": (None, (7, 8)),
    "rerun": (None, (12, 12)),
    "with_deadlines": ((41, 61), (41, 42)),
    "cancelled": (None, (2, 2)),
}

Counted = tuple[int, int]


class Billed:
    """A hub, and what it has been asked to do."""

    def __init__(self, stack: AzureStack, hub: str) -> None:
        self.stack = stack
        self.hub = hub
        self.url = stack.url_of(hub)

    def reset(self) -> None:
        self._call("/actions/reset", method="POST")

    def counted(self) -> Counted:
        """By the billing page, and by the metrics page."""
        found = self._call("/actions", method="GET")
        return found["published"], found["metrics"]

    def _call(self, path: str, *, method: str) -> dict[str, Any]:
        url = f"{self.stack.admin_url}{path}?hub={self.hub}"
        request = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureStack]:
    options = StackOptions(throttle="off", dynamic_hubs=True)
    with AzureStack(tmp_path_factory.mktemp("billed"), options) as up:
        yield up


@pytest.fixture
def billed(stack: AzureStack) -> Billed:
    return Billed(stack, f"billed-{uuid.uuid4().hex}")


def run_theirs(billed: Billed, name: str) -> Counted:
    """Run a program of Microsoft's SDK, as its client and worker are."""
    native.Flaky.tries = 0
    with (
        native_worker(
            billed.stack, *native.ORCHESTRATORS, activities=native.ACTIVITIES, hub=billed.hub
        ),
        native_client(billed.stack, billed.hub) as client,
    ):
        client.get_orchestration_state("none")  # so that there is the hub
        billed.reset()
        orchestrator, drive = native.PROGRAMS[name]
        instance = client.schedule_new_orchestration(orchestrator)
        client.wait_for_orchestration_start(instance, timeout=PATIENCE)
        if drive is not None:
            drive(client, instance)
        state = client.wait_for_orchestration_completion(instance, timeout=PATIENCE)
        wanted = "TERMINATED" if name == "ended" else "COMPLETED"
        assert state.runtime_status.name == wanted, state.failure_details
    return billed.counted()


async def run_ours(billed: Billed, name: str) -> Counted:
    """Run a program of perdure."""
    ours.Flaky.tries = 0
    start, drive = ours.PROGRAMS[name]
    app = perdure.App("billed", backend=billed.url)
    app.include(ours.registry)
    async with app.run() as client:
        billed.reset()
        handle: WorkflowHandle[Any] = await start(client)
        async with asyncio.timeout(PATIENCE):
            if drive is not None:
                await drive(handle)
            await handle.wait()
            await ours.settled(client)
        return billed.counted()


@pytest.mark.parametrize("name", PATTERNS)
async def test_a_pattern_costs_what_it_costs_with_microsofts_sdk(billed: Billed, name: str) -> None:
    _, *documented = PATTERNS[name]
    theirs = await asyncio.to_thread(run_theirs, billed, name)
    assert await run_ours(billed, name) == theirs == tuple(documented)


@pytest.mark.parametrize("name", DIFFERENCES)
async def test_what_costs_more_or_less_with_perdure_is_known(billed: Billed, name: str) -> None:
    theirs, expected = DIFFERENCES[name]
    if theirs is not None:
        assert await asyncio.to_thread(run_theirs, billed, name) == theirs
    assert await run_ours(billed, name) == expected


def test_the_readme_has_these_figures() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    begin, end = (
        lines.index(f"<!-- {mark} -->") for mark in ("billable actions", "end of billable actions")
    )
    rows = [
        f"| {what} | {published} | {metrics} |" for what, published, metrics in PATTERNS.values()
    ]
    assert lines[begin + 3 : end] == rows
