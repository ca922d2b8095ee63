"""Continue-as-new: the next run, what it is given, and what comes too late for the last one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perdure.spi.history import EventReceived, WorkflowStarted

if TYPE_CHECKING:
    from tests.bridge.host import Host
    from tests.bridge.programs import WatchedBridge


def test_events_go_on_to_the_next_run_in_order(host: Host) -> None:
    host.start("counting", left=5, seen=[])
    for number in range(5):
        host.raise_event("tick", number)
    assert host.execute().result() == [0, 1, 2, 3, 4]
    assert host.runs == 5


def test_foreign_events_go_on_to_the_next_run(host: Host) -> None:
    host.start("counting", left=3, seen=[])
    for number in (1, 0, 2):
        host.raise_foreign("tick", number)
    assert host.execute().result() == [1, 0, 2]


def test_events_that_come_with_the_answer_that_ends_a_run_are_kept(host: Host) -> None:
    host.start("resting", left=3, seen=[])
    for number in range(3):
        host.answer(min(host.activities))
        host.raise_event("tick", number).raise_event("tick", number + 10)
        host.execute()
    assert host.run().result() == [0, 10, 1]


def test_each_run_has_its_own_id_and_the_journal_shows_it(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("counting", left=3, seen=[])
    for number in range(3):
        host.raise_event("tick", number).execute()
    starts = [entry for journal in bridge.journals for entry in journal[:1]]
    assert all(isinstance(start, WorkflowStarted) for start in starts)
    run_ids = [start.run_id for start in starts if isinstance(start, WorkflowStarted)]
    assert len(set(run_ids)) == 3
    assert run_ids[0] == "run-1"


def test_late_events_are_received_by_the_next_run_and_not_carried(
    bridge: WatchedBridge, host: Host
) -> None:
    host.start("resting", left=2, seen=[])
    host.answer(min(host.activities)).raise_event("tick", 1).execute()
    host.raise_event("tick", 2).raise_event("tick", 3).run()
    second = bridge.journals[1]
    assert isinstance(second[0], WorkflowStarted)
    assert not second[0].carried
    assert any(isinstance(entry, EventReceived) for entry in second)


def test_a_late_answer_to_the_last_run_is_not_taken_for_one_of_this(host: Host) -> None:
    host.start("racing", left=2)
    (slow,) = host.activities
    host.raise_event("tick", 1).execute()
    (fast,) = set(host.activities) - {slow}
    host.answer(slow).execute()
    assert host.status == "running"
    assert host.answer(fast).execute().result() == 2


def test_the_custom_status_outlives_its_run(host: Host) -> None:
    host.start("announcing", left=2).raise_event("tick", 0).execute()
    assert host.custom_status == '"two left"'


def test_a_cancel_that_comes_late_cancels_the_next_run(host: Host) -> None:
    host.start("resting", left=3, seen=[])
    host.answer(min(host.activities)).raise_event("perdure.cancel", None).execute()
    assert host.status == "failed"
