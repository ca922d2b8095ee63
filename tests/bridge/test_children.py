"""Children: what they are given, how their ends reach the parent, how its end ends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import END_CHILDREN, decode_start
from tests.bridge.host import Host

if TYPE_CHECKING:
    from tests.bridge.programs import WatchedBridge


def child_of(host: Host, bridge: WatchedBridge) -> tuple[int, Host]:
    """Start the one child that an instance has asked for."""
    ((id, call),) = host.children.items()
    child = Host(bridge, instance_id=call.child_id)
    child.now_us = host.now_us
    return id, child.start_with(call.name, call.input)


def test_a_child_runs_and_its_result_reaches_the_parent(bridge: WatchedBridge, host: Host) -> None:
    host.start("parent", value=3)
    id, child = child_of(host, bridge)
    assert host.answer_child(id, child.run()).execute().result() == 4


def test_a_child_knows_its_parent_and_has_a_run_of_its_own(host: Host) -> None:
    host.start("parent", value=3)
    (call,) = host.children.values()
    start = decode_start(json.loads(call.input))
    assert start is not None
    assert start.parent is not None
    assert (start.parent.instance_id, start.parent.run_id) == ("trip-1", "run-1")
    assert start.run_id not in {"run-1", ""}


@pytest.mark.parametrize("value", [None, 0, "", {"__durabletask_autoobject__": True}], ids=repr)
def test_the_result_of_a_child_comes_through_unchanged(
    bridge: WatchedBridge, host: Host, value: Any
) -> None:
    host.start("relaying", value=value)
    id, child = child_of(host, bridge)
    assert host.answer_child(id, child.run()).execute().result() == value


def test_the_failure_of_a_child_reaches_the_parent_in_full(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("hearing", fails=9)
    id, child = child_of(host, bridge)
    result = host.answer_child(id, child.run()).execute().result()
    assert result == ["perdure.errors.ActivityError", "KeyError: 'attempt 3'"]


def test_a_terminated_child_is_told_as_such(bridge: WatchedBridge, host: Host) -> None:
    host.start("hearing", fails=9)
    id, child = child_of(host, bridge)
    result = host.answer_child(id, child.terminate().execute()).execute().result()
    assert result == ["terminated", ""]


def test_an_ending_parent_has_its_children_ended_first(host: Host) -> None:
    host.start("leaving", policy="terminate", waits=True)
    (child,) = host.children.values()
    host.answer(min(host.activities)).execute()
    assert host.status == "running"
    ((id, call),) = host.activities.items()
    assert call.name == END_CHILDREN
    assert json.loads(call.input)["instance_ids"] == [child.child_id]
    host.answered(id, None).execute()
    assert host.result() == "gone"


def test_an_abandoned_child_is_left_alone(host: Host) -> None:
    host.start("leaving", policy="abandon", waits=True)
    assert host.answer(min(host.activities)).execute().result() == "gone"


def test_a_child_started_at_the_very_end_is_started_before_it(host: Host) -> None:
    host.start("leaving", policy="abandon", waits=False)
    assert host.status == "running"
    assert len(host.children) == 1
    assert host.fire(min(host.timers)).execute().result() == "gone"
