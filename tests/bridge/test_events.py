"""Events: one channel, first in first out, buffered from the start, consumed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perdure.spi.bridge import EVENT_CHANNEL, WAKE_EVENT
from perdure.spi.history import CANCEL_EVENT

if TYPE_CHECKING:
    from tests.bridge.host import Host


@pytest.mark.parametrize("payload", [None, 0, False, "", [], {}, "x"], ids=repr)
def test_an_event_arrives_unchanged(host: Host, payload: Any) -> None:
    host.start("approvals", names=["go"]).raise_event("go", payload).execute()
    assert host.result() == [payload]


def test_events_come_first_in_first_out_whatever_their_names(host: Host) -> None:
    host.start("approvals", names=["b", "a", "a"])
    for name, payload in (("a", 1), ("b", 2), ("a", 3)):
        host.raise_event(name, payload)
    assert host.execute().result() == [2, 1, 3]


def test_an_event_before_its_wait_is_kept(host: Host) -> None:
    host.start("approvals", names=["first", "second"])
    host.raise_event("second", 2).execute()
    host.raise_event("first", 1).execute()
    assert host.result() == [1, 2]


def test_a_wait_that_timed_out_takes_nothing(host: Host) -> None:
    host.start("impatient", seconds=5)
    host.fire(min(host.timers)).execute()
    assert host.raise_event("approval", "yes").execute().result() == ["late", "yes"]


def test_an_event_in_time_ends_the_wait(host: Host) -> None:
    host.start("impatient", seconds=5)
    assert host.raise_event("approval", "yes").execute().result() == "yes"


@pytest.mark.parametrize("payload", [None, 0, {"ok": True}], ids=repr)
def test_a_foreign_event_by_its_own_name_reaches_who_waits_for_it(host: Host, payload: Any) -> None:
    host.start("approvals", names=["go"]).raise_foreign("go", payload).execute()
    assert host.result() == [payload]


def test_a_foreign_event_before_its_wait_is_kept(host: Host) -> None:
    host.start("approvals", names=["a", "b"]).raise_foreign("b", 2).execute()
    assert host.raise_foreign("a", 1).execute().result() == [1, 2]


def test_a_wait_given_up_does_not_swallow_a_foreign_event(host: Host) -> None:
    host.start("impatient", seconds=5)
    host.fire(min(host.timers)).execute()
    assert host.raise_foreign("approval", "yes").execute().result() == ["late", "yes"]


def test_what_is_no_event_of_perdures_is_dropped_from_its_channel(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    host.start("approvals", names=["go"])
    host.raise_foreign(EVENT_CHANNEL, "noise").raise_foreign(EVENT_CHANNEL, {"perdure": 1})
    assert host.raise_event("go", 1).execute().result() == [1]
    assert "damaged envelope" in caplog.text


def test_a_wake_is_not_seen_by_the_workflow(host: Host) -> None:
    host.start("approvals", names=["go"]).raise_event(WAKE_EVENT, None).execute()
    assert host.raise_event("go", 1).execute().result() == [1]


def test_cancel_is_an_event_and_ends_the_workflow(host: Host) -> None:
    host.start("chain", steps=2).raise_event(CANCEL_EVENT, None).execute()
    assert host.status == "failed"
    assert host.failure.errorType == "asyncio.exceptions.CancelledError"
