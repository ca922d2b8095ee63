"""Events with an id: however often a client repeats its call, the workflow gets one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from perdure.spi.bridge import decode_start
from perdure.spi.history import EventReceived
from tests.bridge.host import START_US, Host
from tests.bridge.programs import WatchedBridge, app
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perdure.spi.history import HistoryEvent


def payloads(journal: Sequence[HistoryEvent]) -> list[str]:
    return [entry.payload for entry in journal if isinstance(entry, EventReceived)]


def test_an_event_that_comes_again_is_taken_once(host: Host) -> None:
    host.start("approvals", names=["a", "a"])
    host.raise_event("a", 1, id="one").raise_event("a", 1, id="one").execute()
    assert host.status == "running"
    host.raise_event("a", 1, id="one").execute()
    assert host.raise_event("a", 2, id="two").execute().result() == [1, 2]


def test_events_without_an_id_are_all_taken(host: Host) -> None:
    host.start("approvals", names=["a", "a"])
    assert host.raise_event("a", 1).raise_event("a", 1).execute().result() == [1, 1]


def test_what_came_again_is_in_no_journal(bridge: WatchedBridge, host: Host) -> None:
    host.start("approvals", names=["a", "a"])
    host.raise_event("a", 1, id="one").raise_event("a", 1, id="one").execute()
    assert payloads(recorded(host)) == ["1"]
    assert projected(host) == recorded(host)


def test_a_worker_that_replays_knows_what_came_before(host: Host) -> None:
    host.start("approvals", names=["a", "a", "b"])
    host.raise_event("a", 1, id="one").execute()
    other = WatchedBridge(app)
    host.raise_event("a", 1, id="one").execute(other)
    host.raise_event("a", 2, id="two").execute(other)
    assert payloads(recorded(host)) == ["1", "2"]
    assert projected(host) == recorded(host)
    other.close()


def test_an_answer_that_was_lost_makes_no_event_an_old_one(host: Host) -> None:
    host.start("approvals", names=["a", "a"])
    host.raise_event("a", 1, id="one").execute(loses_answer=True)
    host.raise_event("a", 1, id="one").execute()
    assert payloads(recorded(host)) == ["1"]


@pytest.mark.parametrize("raises_before", [True, False])
def test_the_next_run_knows_what_the_last_one_heard(host: Host, raises_before: bool) -> None:
    host.start("counting", left=3, seen=[])
    host.raise_event("tick", 1, id="one")
    if raises_before:
        host.execute()
    host.raise_event("tick", 1, id="one").execute()
    assert host.runs == 2
    host.raise_event("tick", 2, id="two").raise_event("tick", 2, id="two")
    host.raise_event("tick", 3, id="three").execute()
    assert host.result() == [1, 2, 3]


def test_what_goes_on_to_the_next_run_goes_there_once(host: Host) -> None:
    host.start("resting", left=3, seen=[])
    host.answer(min(host.activities))
    for _ in range(3):
        host.raise_event("tick", 1, id="one")
    host.execute().raise_event("tick", 1, id="one").execute()
    host.raise_event("tick", 2, id="two").raise_event("tick", 3, id="three")
    assert host.run().result() == [1, 2, 3]


def test_what_comes_again_before_a_delayed_start_is_kept_once(bridge: WatchedBridge) -> None:
    host = Host(bridge)
    host.begin("approvals", {"names": ["a", "a"]}, start_at_us=START_US + 60_000_000)
    host.raise_event("a", 1, id="one").execute().raise_event("a", 1, id="one").execute()
    host.fire(min(host.timers)).execute()
    assert payloads(recorded(host)) == ["1"]
    host.raise_event("a", 1, id="one").execute()
    assert host.raise_event("a", 2).execute().result() == [1, 2]


def test_few_ids_go_on_to_the_next_run(bridge: WatchedBridge, host: Host) -> None:
    host.start("counting", left=2, seen=[])
    for number in range(100):
        host.raise_event("other", number, id=f"event-{number}")
    host.raise_event("tick", 0, id="last").execute()
    (started,) = [e.executionStarted for e in host.history if e.HasField("executionStarted")]
    start = decode_start(json.loads(started.input.value))
    assert start is not None
    assert len(start.heard) == 64
    assert start.heard[-1] == "last"


def test_an_event_of_somebody_elses_that_looks_like_one_is_not_dropped(host: Host) -> None:
    host.start("approvals", names=["a", "a"])
    value = {"perdure": 1, "id": "one"}
    assert host.raise_foreign("a", value).raise_foreign("a", value).execute().result() == [
        value,
        value,
    ]
