"""A start that is for later: the code runs then, and gets the events that came before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import WAKE_EVENT, decode_start
from perdure.spi.history import (
    BufferedEvent,
    EventReceived,
    Failed,
    Terminated,
    TimerFired,
    WorkflowStarted,
)
from tests.bridge.host import START_US, Host
from tests.bridge.programs import OTHER_SDK, SDK, WatchedBridge, app
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perdure.spi.bridge import Sdk

DUE_US = START_US + 3_600_000_000
MINUTE_US = 60_000_000


@pytest.fixture(params=[SDK, OTHER_SDK], ids=["plain", "other"])
def bridge(request: pytest.FixtureRequest) -> Iterator[WatchedBridge]:
    """A bridge to each kind of SDK."""
    sdk: Sdk = request.param
    bridge = WatchedBridge(app, sdk=sdk)
    yield bridge
    bridge.close()


def due(host: Host) -> Host:
    """Let the instant of the start come."""
    (timer,) = host.timers
    return host.fire(timer).execute()


def test_nothing_runs_before_its_time(bridge: WatchedBridge, host: Host) -> None:
    host.begin("chain", {"steps": 1}, start_at_us=DUE_US)
    assert list(host.timers.values()) == [DUE_US]
    assert not host.activities
    assert bridge.last is None
    assert projected(host) == []


def test_the_run_begins_when_it_is_due(host: Host) -> None:
    host.begin("chain", {"steps": 2}, start_at_us=DUE_US)
    due(host)
    started = recorded(host)[0]
    assert isinstance(started, WorkflowStarted)
    assert started.at_us == host.now_us > DUE_US
    assert host.run().result() == 2
    assert projected(host) == recorded(host)


def test_events_that_come_before_are_the_first_that_it_gets(host: Host) -> None:
    host.begin("approvals", {"names": ["b", "a", "c"]}, start_at_us=DUE_US)
    host.raise_event("a", 1).execute().raise_event(WAKE_EVENT, None).raise_event("b", 2).execute()
    due(host)
    received = [entry for entry in recorded(host) if isinstance(entry, EventReceived)]
    assert [(event.name, event.at_us) for event in received] == [
        ("a", recorded(host)[0].at_us),
        ("b", recorded(host)[0].at_us),
    ]
    assert projected(host) == recorded(host)
    assert host.raise_event("c", 3).execute().result() == [2, 1, 3]
    assert projected(host) == recorded(host)


def test_a_foreign_event_before_is_kept_by_the_vendor(host: Host) -> None:
    host.begin("approvals", {"names": ["a"]}, start_at_us=DUE_US)
    host.raise_foreign("a", 1).execute()
    assert due(host).result() == [1]
    assert projected(host) == recorded(host)


def test_an_instant_that_is_past_begins_at_once(host: Host) -> None:
    host.begin("chain", {"steps": 1}, start_at_us=START_US - 1)
    assert host.run().result() == 1
    assert projected(host) == recorded(host)


def test_a_worker_that_replays_begins_it_at_the_same_instant(host: Host) -> None:
    host.begin("approvals", {"names": ["a", "b"]}, start_at_us=DUE_US)
    host.raise_event("a", 1).execute()
    due(host)
    first = recorded(host)
    other = WatchedBridge(app, sdk=host.bridge.sdk)
    host.raise_event(WAKE_EVENT, None).execute(other)
    assert recorded(host) == first == projected(host)
    other.close()


def test_it_may_be_ended_before_it_begins(host: Host) -> None:
    host.begin("chain", {"steps": 1}, start_at_us=DUE_US).terminate().execute()
    assert host.status == "terminated"
    assert projected(host) == [Terminated(at_us=host.now_us, reason="enough")]


def test_it_may_be_held_meanwhile(host: Host) -> None:
    host.begin("approvals", {"names": ["a"]}, start_at_us=DUE_US).suspend().execute()
    due(host)
    assert not recorded(host)
    host.resume().execute()
    assert host.raise_event("a", 1).execute().result() == [1]
    assert [entry for entry in projected(host) if entry in recorded(host)] == recorded(host)


def test_the_time_that_it_may_take_counts_from_then_on(host: Host) -> None:
    host.begin("approvals", {"names": ["a"]}, start_at_us=DUE_US, execution_timeout_us=MINUTE_US)
    due(host)
    started = recorded(host)[0]
    assert isinstance(started, WorkflowStarted)
    assert started.execution_deadline_us == started.at_us + MINUTE_US


def test_a_run_that_takes_too_long_fails(host: Host) -> None:
    host.begin("approvals", {"names": ["a"]}, execution_timeout_us=MINUTE_US)
    host.fire(min(host.timers)).execute()
    assert host.status == "failed"
    fired, failed = recorded(host)[-2:]
    assert isinstance(fired, TimerFired)
    assert isinstance(failed, Failed)
    assert failed.failure.type == "TimeoutError"
    assert projected(host) == recorded(host)


def test_the_runs_that_follow_have_what_is_left_of_the_time(host: Host) -> None:
    host.begin("counting", {"left": 2, "seen": []}, execution_timeout_us=MINUTE_US)
    first = recorded(host)[0]
    host.now_us += 30_000_000
    host.raise_event("tick", 1).execute()
    second = recorded(host)[0]
    assert isinstance(first, WorkflowStarted)
    assert isinstance(second, WorkflowStarted)
    assert second.execution_deadline_us == first.execution_deadline_us == first.at_us + MINUTE_US
    (text,) = (e.executionStarted.input.value for e in host.history if _is_start(e))
    start = decode_start(json.loads(text))
    assert start is not None
    assert start.execution_timeout_us == MINUTE_US  # a restart is given it anew
    host.fire(max(host.timers)).execute()
    assert host.status == "failed"


def _is_start(event: Any) -> bool:
    return bool(event.HasField("executionStarted"))


def test_what_is_pending_comes_before_what_came_meanwhile(host: Host) -> None:
    pending = (BufferedEvent(name="a", payload="1"),)
    host.begin("approvals", {"names": ["a", "a"]}, start_at_us=DUE_US, pending=pending)
    host.raise_event("a", 2).execute()
    assert due(host).result() == [1, 2]
    assert projected(host) == recorded(host)
