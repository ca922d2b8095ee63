"""What a fan-out costs, in calls counted and not in time: in proportion to its width."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.bridge.host import Host

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bridge.programs import WatchedBridge

WIDTHS = (250, 500, 1_000)


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions ``work`` calls, those of C included."""
    count = 0

    def count_one(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(count_one)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def costs(bridge: WatchedBridge, workflow: str) -> list[int]:
    """Return the calls that the work item with all answers takes, for each width."""
    found = []
    for width in WIDTHS:
        host = Host(bridge, instance_id=f"fan-{width}")
        host.start(workflow, run_id=f"run-{width}", width=width)
        for id in list(host.activities):
            host.answer(id)
        found.append(calls_of(host.execute))
        assert host.status == "completed"
    return found


@pytest.mark.parametrize("workflow", ["fan", "racing_fan"])
def test_twice_the_width_costs_twice_the_calls(bridge: WatchedBridge, workflow: str) -> None:
    small, middle, large = costs(bridge, workflow)
    assert 1.8 < middle / small < 2.2
    assert 1.8 < large / middle < 2.2


def test_one_more_answer_costs_the_same_in_a_wide_fan_out(bridge: WatchedBridge) -> None:
    """What a work item costs beyond replaying history does not depend on what is open."""
    found = []
    for width in WIDTHS:
        host = Host(bridge, instance_id=f"fan-{width}")
        host.start("fan", run_id=f"run-{width}", width=width)
        one, two = sorted(host.activities)[:2]
        base = calls_of(host.raise_event("perdure.wake", None).execute)
        host.answer(one).answer(two)
        found.append(calls_of(host.execute) - base)
    assert max(found) < 1.2 * min(found)
