"""Holds: what an SDK makes of them by itself, and histories that it can take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perdure.spi.bridge import with_plain_holds
from perdure.spi.history import (
    ActivityScheduled,
    EventReceived,
    HistoryEvent,
    Resumed,
    Suspended,
)
from tests.bridge import host as host_module
from tests.bridge.vendor_history import projected, recorded

if TYPE_CHECKING:
    import pytest

    from tests.bridge.host import Host


def kinds(journal: list[HistoryEvent]) -> list[type[HistoryEvent]]:
    return [type(entry) for entry in journal]


def test_what_comes_during_a_hold_is_told_behind_its_end(host: Host) -> None:
    host.start("approvals", names=["a"]).suspend().execute()
    host.raise_event("a", 1).execute()
    assert kinds(projected(host))[-1] is Suspended
    host.resume().execute()
    journal = projected(host)
    assert kinds(journal)[-4:-1] == [Suspended, Resumed, EventReceived]
    assert [entry for entry in journal if not isinstance(entry, Suspended | Resumed)] == recorded(
        host
    )


def test_instants_never_go_back_over_a_hold(host: Host) -> None:
    host.start("approvals", names=["a", "b"]).suspend().execute()
    host.raise_event("a", 1).execute()
    host.now_us += 60_000_000
    host.resume().execute()
    host.raise_event("b", 1).execute()
    instants = [entry.at_us for entry in projected(host)]
    assert instants == sorted(instants)


def test_a_release_by_which_nothing_had_come_is_told_at_its_instant(host: Host) -> None:
    host.start("approvals", names=["a"]).suspend().execute()
    host.now_us += 60_000_000
    host.resume().execute()
    assert projected(host)[-1].at_us == host.now_us


def test_the_end_of_a_run_stands_before_a_hold_that_came_behind_it(host: Host) -> None:
    host.start("approvals", names=["a"])
    host.raise_event("a", 1).suspend().execute()
    journal = projected(host)
    assert isinstance(journal[-1], Suspended)
    assert journal[:-1] == recorded(host)


def test_a_hold_within_a_hold_is_one(host: Host) -> None:
    host.start("approvals", names=["a"]).suspend().suspend().execute().suspend().execute()
    host.raise_event("a", 1).resume().execute()
    assert host.result() == [1]
    assert kinds(projected(host)).count(Suspended) == 1


def test_a_release_without_a_hold_does_nothing(host: Host) -> None:
    host.start("approvals", names=["a"]).resume().execute().resume().execute()
    assert host.raise_event("a", 1).execute().result() == [1]
    assert Resumed not in kinds(projected(host))


def test_nothing_is_asked_for_twice_by_a_hold_in_the_same_work_item(host: Host) -> None:
    host.start("chain", steps=2)
    host.answer(min(host.activities)).suspend().execute()
    for number in range(3):
        host.raise_event("a", number).execute()
    scheduled = [e for e in host.history if e.HasField("taskScheduled")]
    assert len(scheduled) == 2
    host.resume().execute()
    assert host.run().result() == 2
    assert kinds(projected(host)).count(ActivityScheduled) == 2


def test_without_help_an_sdk_asks_twice(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, the SDK has learnt to hold, and has histories put right for nothing."""
    monkeypatch.setattr(host_module, "with_plain_holds", lambda *_: None)
    host.start("chain", steps=2)
    host.answer(min(host.activities)).suspend().execute()
    host.raise_event("a", 1).execute()
    assert len([e for e in host.history if e.HasField("taskScheduled")]) == 3


def test_without_help_an_sdk_fails_at_a_release_without_a_hold(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "with_plain_holds", lambda *_: None)
    assert host.start("approvals", names=["a"]).resume().execute().status == "failed"


def test_a_history_without_holds_is_left_alone(host: Host) -> None:
    host.start("chain", steps=1)
    new: list[Any] = []
    assert with_plain_holds(host.history, new) is None
